// Shows how far a long download is. Without script the same link is an ordinary download.
// A file is handed to the browser only when it has as many rows as the server said that it would have.
(() => {
  'use strict';

  const MOST = 500000; // rows that are kept in memory; the browser itself takes what is longer
  const LONG = 400; // milliseconds until a download is worth a display
  const running = new Map(); // of a link, what stops its download

  const $ = (selector, root = document) => root.querySelector(selector);
  const digits = (number) => number.toLocaleString('en-GB');
  const announce = (text) => { $('#announcer').textContent = text; };

  /** Counts the rows of comma-separated values, chunk by chunk: line ends outside quotes. */
  function rowCounter() {
    let rows = -1; // the head is none
    let quoted = false;
    return (bytes) => {
      for (const byte of bytes) {
        if (byte === 34) quoted = !quoted;
        else if (byte === 10 && !quoted) rows += 1;
      }
      return Math.max(rows, 0);
    };
  }

  /** The display in the corner. It is not there before LONG, and speaks at each quarter only. */
  function display(stop) {
    const toast = $('#download').content.firstElementChild.cloneNode(true);
    const timer = setTimeout(() => $('#toasts').append(toast), LONG);
    const bar = $('progress', toast);
    const words = $('p', toast);
    let quarter = 0;
    $('[data-stop]', toast).addEventListener('click', stop);
    return {
      show(rows, total) {
        bar.max = total;
        bar.value = rows;
        words.textContent = `${digits(rows)} of ${digits(total)} rows`;
        const reached = Math.floor((rows * 4) / total);
        if (toast.isConnected && reached > quarter && reached < 4) announce(`${reached * 25} % downloaded`);
        quarter = reached;
      },
      end(text, link) {
        const seen = toast.isConnected;
        const focused = toast.contains(document.activeElement);
        clearTimeout(timer);
        toast.remove();
        if (focused && link.isConnected) link.focus();
        if (!seen || !text) return;
        const told = $('#downloaded').content.firstElementChild.cloneNode(true);
        $('p', told).textContent = text;
        $('#toasts').append(told);
        const leave = () => (told.matches(':hover, :focus-within') ? setTimeout(leave, 2000) : told.remove());
        setTimeout(leave, 8000);
        announce(text);
      },
    };
  }

  function fail(link, why) {
    const notice = $('#offline').content.firstElementChild.cloneNode(true);
    $('h2', notice).textContent = `Not downloaded: ${why}`;
    $('p', notice).textContent = 'Nothing was saved. Try again in a moment.';
    $('[data-retry]', notice).addEventListener('click', () => {
      notice.remove();
      download(link);
    });
    ($('#notices') ?? $('#main')).prepend(notice);
    notice.focus();
  }

  function save(parts, name) {
    const anchor = document.createElement('a');
    anchor.href = URL.createObjectURL(new Blob(parts, { type: 'text/csv' }));
    anchor.download = name;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 60000); // the browser reads it after the click
  }

  /** All chunks of an answer with `total` rows; an answer that is cut off throws. */
  async function read(response, total, shown) {
    const count = rowCounter();
    const reader = response.body.getReader();
    const parts = [];
    let rows = 0;
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      parts.push(chunk.value);
      rows = count(chunk.value);
      shown.show(rows, total);
    }
    if (rows !== total) throw new RangeError(`it broke off after ${digits(rows)} of ${digits(total)} rows`);
    return parts;
  }

  async function download(link) {
    if (running.has(link)) return;
    const aborter = new AbortController();
    const shown = display(() => aborter.abort());
    running.set(link, aborter);
    let said = '';
    try {
      const response = await fetch(link.href, { signal: aborter.signal });
      const total = Number.parseInt(response.headers.get('Daybook-Rows') ?? '', 10);
      const name = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1];
      if (response.ok && name && total <= MOST) {
        save(await read(response, total, shown), name);
        said = `Saved ${name}, ${digits(total)} rows`;
      } else {
        aborter.abort();
        running.delete(link);
        if (response.redirected) window.location.reload(); // signed out meanwhile: the page asks to sign in
        else if (response.ok) window.location.assign(link.href); // too long
        else fail(link, response.status < 500 ? 'the server refused this' : 'the server could not answer');
      }
    } catch (error) {
      if (error.name === 'AbortError') said = 'Stopped. Nothing was saved.';
      else fail(link, error instanceof RangeError ? error.message : 'no connection');
    } finally {
      running.delete(link);
      shown.end(said, link);
    }
  }

  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-download]');
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    download(link);
  });

  window.addEventListener('beforeunload', (event) => { // the page would take the download with it
    if (running.size && $('.toast--work')) event.preventDefault();
  });
})();
