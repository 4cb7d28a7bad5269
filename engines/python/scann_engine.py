"""ScaNN by Google. `scann_engine.py flat` scans the vectors; `ah` scans 4-bit codes of pairs of components and sorts the
best 100 by the vectors, which it keeps beside them: what its own guide proposes from 20,000 vectors on."""

import importlib.metadata
import sys

import scann

from membench_engine import Engine, normalised, serve


class Scann(Engine):
    version = f"scann {importlib.metadata.version('scann')}"
    parameters = ["threads"]

    def __init__(self, kind):
        self.kind = kind
        self.can = ["exact_distances", "save"] + (["exact"] if kind == "flat" else [])

    def build(self, vectors, spec):
        self.spec = spec
        distance = "squared_l2" if spec["distance"] == "l2" else "dot_product"
        builder = scann.scann_ops_pybind.builder(self.prepared(vectors), 10, distance)
        builder = builder.set_n_training_threads(spec["threads"])
        if self.kind == "flat":
            builder = builder.score_brute_force()
        else:
            builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100)
        self.index = builder.build()
        self.index.set_num_threads(spec["threads"])

    def prepared(self, vectors):
        return normalised(vectors) if self.spec["distance"] == "cosine" else vectors

    def count(self):
        return self.index.size()

    def search(self, query, k, allowed):
        ids, distances = self.index.search(self.prepared(query)[0], final_num_neighbors=k)
        return ids, distances if self.spec["distance"] == "l2" else 1 - distances

    def save(self, folder):
        self.index.serialize(folder)

    def drop(self):
        self.index = None


serve(Scann(sys.argv[1]))
