"""`bpb`: train a small byte-level language model within a fixed budget. See docs/gallery/bpb.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="bpb",
    title="Bits per byte of a small language model on Python's own source code",
    kind="learning",
    minutes=4.0,
    metric="val_bpb",
    goal="minimize",
    baseline=3.161,
    reached=2.662,
    best_known=2.557,
    best_known_source="constants set by hand, our own figure on Python 3.11",
    evaluator_version=1,
    experiments=60,
    hours=2.5 / 60,
    source="after karpathy/autoresearch; the model after Bengio et al. (2003)",
)
