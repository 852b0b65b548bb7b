"""`bpb`: train a small byte-level language model within a fixed budget. See docs/gallery/bpb.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="bpb",
    title="Bits per byte of a small language model on Python's own source code",
    minutes=3.0,
    metric="val_bpb",
    best_known=2.557,
    experiments=60,
    hours=2.5 / 60,
    source="after karpathy/autoresearch; the model after Bengio et al. (2003)",
)
