"""Readers of other tools' task directories, one file each.

A reader turns a directory that it recognises into a whole task: `move37 run` needs no conversion, and
no file of the directory is changed. Another layout is one more file, and one more line here.
"""

from move37.tasks.readers.autoresearch import AUTORESEARCH
from move37.tasks.readers.harbor import HARBOR
from move37.tasks.readers.openevolve import OPENEVOLVE, SKYDISCOVER
from move37.tasks.readers.pi_autoresearch import PI_AUTORESEARCH
from move37.tasks.readers.reader import Reader
from move37.tasks.readers.shinka import SHINKA

READERS: tuple[Reader, ...] = (
    AUTORESEARCH,
    OPENEVOLVE,
    SKYDISCOVER,
    SHINKA,
    PI_AUTORESEARCH,
    HARBOR,
)
