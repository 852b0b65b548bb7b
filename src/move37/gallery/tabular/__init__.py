"""`tabular`: predict how a disease progresses, from 442 real patients. See docs/gallery/tabular.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="tabular",
    title="Error of a small regression on a real table, its validation set drawn afresh",
    kind="learning",
    minutes=1.5,
    metric="val_mae",
    goal="minimize",
    baseline=52.57,
    reached=44.06,
    best_known=43.39,
    best_known_source="Optuna's TPE with twice the trials and ranges set by hand, our own figure",
    evaluator_version=1,
    experiments=80,
    hours=1.0 / 60,
    source="the diabetes table of Efron, Hastie, Johnstone and Tibshirani (2004), as scikit-learn ships it",
    needs=("scikit-learn",),
)
