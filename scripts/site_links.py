#!/usr/bin/env python3
"""Checks the links of the site that scripts/site.sh has built, and points those that lead
out of docs/ to the repository.

    scripts/site_links.py SITE [--source ADDRESS]

Exits with 1 if a link leads nowhere. Without an address, a link that leads out becomes
text that names the file.

Owns: what a link of the site means. Never: looks at the web.
"""

import argparse
import html
import posixpath
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

REPOSITORY = Path(__file__).resolve().parent.parent
LINK = re.compile(r'<a href="([^"]*)"([^>]*)>(.*?)</a>', re.DOTALL)
# Addresses with a scheme, which nothing here follows.
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


class Page(HTMLParser):
    """The ids of a page, and where its links, scripts, styles and images lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id":
                self.ids.add(value)
            elif name in ("href", "src"):
                self.targets.append(value)


def in_repository(page: str, target: str) -> str | None:
    """The path in the repository that a link of a page leads to; none if it stays in the site.

    mdBook has made `.html` of the ending of each Markdown file.
    """
    path = unquote(urldefrag(target).url)
    if ELSEWHERE.match(target) or not path:
        return None
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), path))
    if path.startswith("docs/"):
        return None
    pages = re.sub(r"\.html$", ".md", path)
    return pages if (REPOSITORY / pages).exists() else path


def led_out(page: str, text: str, source: str | None) -> tuple[str, list[str]]:
    """The text of a page with its links to the repository, and those of them that are broken."""
    broken: list[str] = []

    def link(found: re.Match[str]) -> str:
        target, attributes, words = found.groups()
        path = in_repository(page, html.unescape(target))
        if path is None:
            return found.group()
        if not (REPOSITORY / path).exists():
            broken.append(f"{page}: {target}")
        if source is None:
            return f'<span title="{html.escape(path)} in the repository">{words}</span>'
        anchor = urldefrag(target).fragment
        address = f"{source.rstrip('/')}/{path}" + (f"#{anchor}" if anchor else "")
        return f'<a href="{html.escape(address)}"{attributes}>{words}</a>'

    return LINK.sub(link, text), broken


def broken_links(pages: dict[str, Page], site: Path) -> list[str]:
    """The links that lead to no file or heading of the site."""
    broken: list[str] = []
    for name, page in pages.items():
        for target in page.targets:
            path, anchor = urldefrag(target)
            if ELSEWHERE.match(target):
                continue
            to = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path))) if path else name
            if not (site / to).is_file() or (anchor and to in pages and unquote(anchor) not in pages[to].ids):
                broken.append(f"{name}: {target}")
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("site", type=Path)
    parser.add_argument("--source", metavar="ADDRESS")
    given = parser.parse_args()
    broken: list[str] = []
    pages: dict[str, Page] = {}
    for file in sorted(given.site.rglob("*.html")):
        name = file.relative_to(given.site).as_posix()
        text, nowhere = led_out(name, file.read_text(encoding="utf-8"), given.source)
        file.write_text(text, encoding="utf-8")
        broken += nowhere
        pages[name] = Page(text)
    broken += broken_links(pages, given.site)
    links = sum(len(page.targets) for page in pages.values())
    if not pages or broken:
        print("site: links that lead nowhere:", *sorted(set(broken)) or ["no page was built"], sep="\n  ", file=sys.stderr)
        return 1
    print(f"site: {len(pages)} pages, {links} links, each leads somewhere")
    return 0


if __name__ == "__main__":
    sys.exit(main())
