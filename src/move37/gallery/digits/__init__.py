"""`digits`: recognise handwritten digits whose labels no program sees. See docs/gallery/digits.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="digits",
    title="Log loss of a small network on real handwritten digits, their labels hidden",
    kind="learning",
    minutes=3.0,
    metric="log_loss",
    goal="minimize",
    baseline=0.274,
    reached=0.060,
    best_known=0.038,
    best_known_source="constants set by hand, our own figure",
    evaluator_version=1,
    experiments=80,
    hours=2.0 / 60,
    source="E. Alpaydin and C. Kaynak (1998), UCI repository; 1,797 digits as scikit-learn ships them",
    needs=("scikit-learn",),
)
