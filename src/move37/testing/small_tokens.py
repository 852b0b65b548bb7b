"""Text to tokens and back, for the small model: byte-level BPE, and how a chat is written down.

What a user writes never becomes a control token, whatever it looks like.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

_WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+|[\s\S]")
"""Pieces that are merged each on its own. Digits stand alone and are cut out before."""

_LONGEST = 120
"""Bytes of a piece: merging takes a time that grows with the square of its length."""

_DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


class Tokens:
    """The vocabulary of a GGUF file whose tokenizer is of the kind `gpt2`."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        names: Sequence[str] = fields["tokenizer.ggml.tokens"]
        merges: Sequence[str] = fields["tokenizer.ggml.merges"]
        self.end: int = int(fields["tokenizer.ggml.eos_token_id"])
        self._ids = {name: id for id, name in enumerate(names)}
        self._control = {
            id for id, kind in enumerate(fields["tokenizer.ggml.token_type"]) if kind == 3
        }
        self._names = names
        self._ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(merges)}
        self._letters = byte_letters()
        self._bytes = {letter: byte for byte, letter in enumerate(self._letters)}
        self._pieces: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str) -> list[int]:
        """Lone surrogates become question marks; all else comes back from `decode` as it was."""
        found: list[int] = []
        for part in re.split(r"(\d)", text):
            for piece in _WORDS.findall(part) if not part.isdigit() else [part]:
                if piece not in self._pieces:
                    if len(self._pieces) > 50_000:
                        self._pieces.clear()
                    self._pieces[piece] = tuple(self._merge(piece))
                found.extend(self._pieces[piece])
        return found

    def decode(self, tokens: Sequence[int]) -> bytes:
        """The bytes that they stand for, which need not be whole characters; control tokens are none."""
        letters = "".join(self._names[token] for token in tokens if token not in self._control)
        return bytes(self._bytes[letter] for letter in letters)

    def chat(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """A conversation of roles and texts, up to where the assistant speaks next."""
        start, end = self._ids["<|im_start|>"], self._ids["<|im_end|>"]
        if not messages or messages[0][0] != "system":
            messages = [("system", _DEFAULT_SYSTEM), *messages]
        tokens: list[int] = []
        for role, text in messages:
            tokens += [start, *self.encode(f"{role}\n{text}"), end, *self.encode("\n")]
        return [*tokens, start, *self.encode("assistant\n")]

    def _merge(self, piece: str) -> list[int]:
        content = piece.encode(errors="replace")
        found: list[int] = []
        for at in range(0, len(content), _LONGEST):
            parts = [self._letters[byte] for byte in content[at : at + _LONGEST]]
            while len(parts) > 1:
                pairs = pairwise(parts)
                ranked = [(self._ranks.get(pair), place) for place, pair in enumerate(pairs)]
                known = [(rank, place) for rank, place in ranked if rank is not None]
                if not known:
                    break
                _, place = min(known)
                parts[place : place + 2] = [parts[place] + parts[place + 1]]
            found.extend(self._ids[part] for part in parts)
        return found


def byte_letters() -> Sequence[str]:
    """The printable letter that stands for each byte, as GPT-2 chose them."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(0x100)]
