r"""File names that are no text, shown as text and found again.

A byte that is not UTF-8 is shown as `\xff`. A backslash that would read like the start of such an escape is shown as
`\x5c`; every other name is shown as it is. In between, names are Python's: such bytes are lone surrogates.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\x(5c|[89a-f][0-9a-f])")
_BYTE = re.compile(r"[\udc80-\udcff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_SURROGATES = 0xDC00


def shown(name: str) -> str:
    """A name as it is shown; halves of surrogate pairs that stand for no byte are lost."""
    text = _ESCAPE.sub(lambda found: r"\x5c" + found.group()[1:], name)
    text = _BYTE.sub(lambda found: f"\\x{ord(found.group()) - _SURROGATES:02x}", text)
    return _UNSTORABLE.sub("\ufffd", text)


def meant(text: str) -> str:
    """The name that is shown like this."""
    return _ESCAPE.sub(lambda found: _unescaped(int(found[1], 16)), text)


def _unescaped(byte: int) -> str:
    return chr(byte) if byte < 0x80 else chr(_SURROGATES + byte)
