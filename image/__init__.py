"""The recipe of the card: `./build` runs `python3 -m image` on the host, standard library only.

The package runs in two places. On the host it fetches and caches (`host`, `roots`, `pypi`, `stages`). Inside a small
native Debian tree, entered by `cell`, `image.assembly` puts the card together with tools of the card's own release.
"""
