// What the pages cannot do by markup alone. Everything here shortens a way that also works without script.
(() => {
  'use strict';

  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (event, handler, options) => document.addEventListener(event, handler, options);

  function announce(text) {
    const region = $('#announcer');
    if (!region) return;
    region.textContent = '';
    setTimeout(() => { region.textContent = text; }, 60);
  }

  // ---- dialog ---------------------------------------------------------------------------------------------------

  let opener = null; // what had focus before the dialog: a dialog replaced by a 422 has lost its own memory of it

  const targetId = (ctx) => (typeof ctx.target === 'string' ? ctx.target.replace('#', '') : ctx.target?.id);

  function openDialog() {
    const dialog = $('#dialog');
    if (!dialog || dialog.open || !dialog.childElementCount) return;
    if (!opener?.isConnected) opener = document.activeElement;
    dialog.showModal();
    $('.errors', dialog)?.focus();
  }

  function closeDialog() {
    const dialog = $('#dialog');
    if (dialog?.open) dialog.close();
  }

  function focusOn(id) {
    const element = id && document.getElementById(id);
    if (!element) return;
    if (!element.matches('a, button, input, select, textarea, [tabindex]')) element.tabIndex = -1;
    element.focus();
  }

  on('close', (event) => {
    const dialog = event.target;
    if (dialog.id !== 'dialog') return;
    for (const element of $$('form, [hx-get], [hx-post]', dialog)) {
      element.dispatchEvent(new CustomEvent('htmx:abort')); // an answer that comes now has nowhere to go
    }
    dialog.replaceChildren();
    if (document.activeElement === document.body) opener?.isConnected && opener.focus();
    opener = null;
  }, true);

  on('done', (event) => { // sent by the server with HX-Trigger: the dialog's work is finished
    closeDialog();
    focusOn(event.detail?.focus);
  });

  on('click', (event) => {
    const button = event.target.closest('[command="close"]');
    if (button && !('commandForElement' in HTMLButtonElement.prototype)) {
      document.getElementById(button.getAttribute('commandfor'))?.close();
    }
    if (event.target.closest('[data-print]')) window.print();
    event.target.closest('[data-dismiss]')?.closest('.toast, .notice')?.remove();
    for (const menu of $$('details.menu[open]')) {
      const chosen = menu.contains(event.target) && event.target.closest('.menu__list a, .menu__list button');
      if (chosen) $('summary', menu).focus(); // an entry of a closed menu cannot take focus back from a dialog
      if (chosen || !menu.contains(event.target)) menu.open = false;
    }
  });

  on('change', (event) => { // the foot of the dialog repeats the chosen time in words
    const { sum } = event.target.dataset;
    const place = sum && $('[data-sum-new]', event.target.form ?? document);
    if (place) place.textContent = sum;
  });

  // ---- selection ------------------------------------------------------------------------------------------------

  function countSelection(speak) {
    const boxes = $$('.row-select');
    const chosen = boxes.filter((box) => box.checked);
    const all = $('#select-all');
    if (all) {
      all.checked = chosen.length > 0 && chosen.length === boxes.length;
      all.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
    }
    const text = `${chosen.length} selected`;
    const label = $('.bulk__n');
    if (label) label.textContent = text;
    for (const button of $$('[data-bulk]')) {
      const able = chosen.filter((box) => (box.dataset.can ?? '').split(' ').includes(button.dataset.bulk)).length;
      button.hidden = able === 0;
      if (button.dataset.label) button.textContent = button.dataset.label.replace('{n}', able);
    }
    if (speak) announce(text);
  }

  on('change', (event) => {
    if (event.target.id === 'select-all') {
      for (const box of $$('.row-select')) box.checked = event.target.checked;
    } else if (!event.target.matches('.row-select')) return;
    countSelection(true);
  });

  on('reset', (event) => {
    if (event.target.matches('.bulk')) setTimeout(() => countSelection(true)); // boxes are cleared after the event
  });

  // ---- toasts ---------------------------------------------------------------------------------------------------

  function timeToasts() {
    for (const toast of $$('.toasts .toast:not([data-timed])')) {
      toast.dataset.timed = '';
      const leave = () => (toast.matches(':hover, :focus-within') ? setTimeout(leave, 2000) : toast.remove());
      setTimeout(leave, 8000);
    }
  }

  // ---- requests -------------------------------------------------------------------------------------------------

  const busy = (ctx, state) => ctx.target instanceof Element && ctx.target.id !== 'dialog'
    && (state ? ctx.target.setAttribute('aria-busy', 'true') : ctx.target.removeAttribute('aria-busy'));

  function showFailure(ctx, status) {
    const template = $('#offline');
    const source = ctx.sourceElement;
    if (!template || source.closest?.('[data-quiet]')) return; // a background look for news fails in silence
    clearFailure();
    const notice = template.content.firstElementChild.cloneNode(true);
    const what = ctx.request?.method === 'GET' ? 'Not loaded' : 'Not saved';
    const stale = status >= 400 && status < 500;
    const why = stale ? 'the server refused this' : status ? 'the server could not answer' : 'no connection';
    $('h2', notice).textContent = `${what}: ${why}`;
    const told = new DOMParser().parseFromString(ctx.text ?? '', 'text/html').querySelector('.errorpage');
    $('p', notice).textContent = told
      ? $$('h1, h1 ~ p:not([class]), h1 ~ .muted', told).map((part) => part.textContent.trim().replace(/([^.!?])$/, '$1.')).join(' ')
      : 'The page shows the last state that is known to be saved. Try again in a moment.';
    const retry = $('[data-retry]', notice);
    if (stale) retry.textContent = 'Reload the page';
    retry.addEventListener('click', () => {
      if (stale || !source.isConnected) return window.location.reload();
      notice.remove();
      htmx.trigger(source, ctx.sourceEvent?.type ?? 'click');
    });
    const dialog = $('#dialog[open] .dialog__body');
    (dialog ?? $('#notices') ?? $('#main')).prepend(notice);
    notice.focus();
  }

  const clearFailure = () => $$('.notice[data-failure]').forEach((notice) => notice.remove());

  let rowInWork = null;

  on('htmx:before:request', ({ detail: { ctx } }) => busy(ctx, true));
  on('htmx:finally:request', ({ detail: { ctx } }) => busy(ctx, false));
  on('htmx:error', ({ detail: { ctx } }) => {
    if (ctx?.request && ctx.text === undefined) showFailure(ctx, 0); // no answer: cut off, or none within the timeout
  });
  on('htmx:response:error', ({ detail: { ctx } }) => {
    const { status } = ctx.response;
    if (![409, 422].includes(status) && !ctx.hx?.redirect) showFailure(ctx, status);
  });
  on('htmx:before:swap', ({ detail: { ctx } }) => {
    rowInWork = ctx.sourceElement?.closest?.('.row')?.id ?? null;
  });
  on('htmx:after:swap', ({ detail: { ctx } }) => {
    if (ctx.swap !== 'none') clearFailure();
    if (targetId(ctx) === 'dialog' && ctx.swap !== 'none') openDialog();
    else if (document.activeElement === document.body) focusOn(rowInWork); // the button went with its old row
    countSelection(false);
    timeToasts();
  });

  // ---- keys -----------------------------------------------------------------------------------------------------

  const STEPS = { a: 'Approve', c: 'Complete', n: 'No-show', r: 'Reschedule', Delete: 'Cancel' };
  let goPressedAt = -Infinity;

  const shown = (element) => element.checkVisibility();
  const currentRow = () => document.activeElement?.closest('.row');

  function moveRow(step) {
    const rows = $$('.row[tabindex]').filter(shown);
    if (!rows.length) return announce('No appointments in this list.');
    const at = rows.indexOf(currentRow());
    const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1);
    rows[next].focus();
  }

  function takeStep(key) {
    const row = currentRow();
    const rows = $$('.row[tabindex]').length > 0;
    if (rows && !row) return announce('Press j or k first to choose an appointment.');
    const control = $(`[data-key="${key}"]`, row ?? $('#main'));
    if (control) return control.click();
    const why = row?.dataset[`why${key[0].toUpperCase()}`];
    const name = $('.client', row ?? document)?.textContent.trim() ?? 'this page';
    const status = $('.badge', row ?? document)?.textContent.trim();
    announce(why ?? `${STEPS[key]} is not possible for ${name}${status ? `, ${status}` : ''}.`);
  }

  function toggleRow() {
    const box = currentRow() && $('.row-select', currentRow());
    if (box) box.click();
    else announce('Press j or k first to choose an appointment.');
  }

  function escape() {
    const menu = $('details.menu[open]');
    if (menu) {
      menu.open = false;
      $('summary', menu).focus();
    } else if ($('.row-select:checked')) $('form.bulk')?.reset();
  }

  on('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if ($('dialog[open]')) return;
    const { key, target } = event;
    if (key === 'Escape' && !target.matches('input:not([type=checkbox]), select, textarea')) return escape();
    if (document.body.dataset.shortcuts !== 'on') return;
    if (target.matches('input:not([type=checkbox]), select, textarea, [contenteditable]')) return;
    if (target.closest('details.menu[open], [popover]:popover-open')) return;

    const goes = performance.now() - goPressedAt < 1500;
    goPressedAt = -Infinity;
    let act = null;
    if (goes && $(`[data-go="${CSS.escape(key)}"]`)) act = () => $(`[data-go="${CSS.escape(key)}"]`).click();
    else if (key === 'g') act = () => { goPressedAt = performance.now(); };
    else if (key === 'j' || key === 'k') act = () => moveRow(key === 'j' ? 1 : -1);
    else if (key === 'x') act = toggleRow;
    else if (key === 'Enter' && target.matches('.row')) act = () => $('.client', target)?.click();
    else if (key === '/' && $('#q')) act = () => { $('#q').focus(); $('#q').select(); };
    else if (key in STEPS && $('.row[tabindex], [data-steps]')) act = () => takeStep(key);
    else if (['[', ']', 't', 'p', '?'].includes(key)) {
      const control = $(`[data-key="${key}"]`);
      if (control) act = () => control.click();
    }
    if (act) {
      event.preventDefault();
      act();
    }
  });

  countSelection(false);
  timeToasts();
  if (document.title.startsWith('Error: ')) $('main .errors')?.focus(); // a form that came back as a page
})();
