"""Answers with a static file: for ever under the name with its fingerprint, asked about again without one."""

from flask import Flask, Response, abort, request

from webapp import assets

FOR_EVER = "public, max-age=31536000, immutable"


def static_url(path: str) -> str:
    """The URL of a static file with a fingerprint of its content, so that it can be kept for ever."""
    return f"/static/{assets.hashed_name(path)}"


def install(app: Flask) -> None:
    """Answer in the place of Flask's own view, and know every fingerprint from the start."""
    app.view_functions["static"] = serve
    for path in assets.STATIC.rglob("*.*"):
        if path.is_file():
            assets.find(path.relative_to(assets.STATIC).as_posix())


def serve(filename: str) -> Response:
    """The file; 404 where it is not there, or has not the content that the name says."""
    path, mark = assets.split(filename)
    try:
        asset = assets.find(path)
    except (FileNotFoundError, ValueError):
        abort(404)
    if mark and mark != asset.mark:
        abort(404)
    encoding = _encoding() if asset.packs else None
    body = assets.packed(asset, encoding) if encoding else asset.body
    response = Response(body, mimetype=asset.mimetype)
    if encoding:
        response.content_encoding = encoding
    response.headers["Cache-Control"] = FOR_EVER if mark else "no-cache"
    response.vary.add("Accept-Encoding")
    response.set_etag(f"{asset.mark}-{encoding or 'plain'}")
    response.make_conditional(request, accept_ranges=True, complete_length=len(body))
    return response


def _encoding() -> str | None:
    """What the browser likes best of what there is; a part of a file is a part of the file itself."""
    if "Range" in request.headers:
        return None
    likes = request.accept_encodings
    best = max(assets.PACKERS, key=lambda name: likes[name])  # the first of equals
    return best if likes[best] > 0 else None
