"""`tabular`: predict how a disease progresses, from 442 real patients. See docs/gallery/tabular.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="tabular",
    title="Error of a small regression on a real table, its validation set drawn afresh",
    minutes=0.5,
    metric="val_mae",
    best_known=None,
    experiments=80,
    hours=3.0 / 60,
    source="the diabetes table of Efron, Hastie, Johnstone and Tibshirani (2004), as scikit-learn ships it",
)
