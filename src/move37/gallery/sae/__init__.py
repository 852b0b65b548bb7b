"""`sae`: a sparse autoencoder for the activations of a language model. See docs/gallery/sae.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="sae",
    title="What a language model loses when its activations become sums of eight dictionary entries",
    kind="learning",
    minutes=6.0,
    metric="kl_bits",
    goal="minimize",
    baseline=0.231,
    reached=0.158,
    best_known=0.12,
    best_known_source="trained by the divergence itself, our own figure",
    evaluator_version=1,
    experiments=50,
    hours=4.0 / 60,
    source="after Makhzani and Frey (2013); the model is trained on Python's standard library",
)
