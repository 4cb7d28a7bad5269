"""VSAG by Ant Group: HGraph, built once. `pyvsag_engine.py fp32|sq8`: how it stores a component."""

import importlib.metadata
import json
import os
import sys

import numpy as np
import pyvsag

from membench_engine import Engine, serve


class Pyvsag(Engine):
    version = f"pyvsag {importlib.metadata.version('pyvsag')}"
    parameters = ["m", "ef_construction", "ef", "threads"]

    def __init__(self, storage):
        self.storage = storage
        self.can = ["save"] + (["exact_distances"] if storage == "fp32" else [])

    def build(self, vectors, spec):
        self.rows = len(vectors)
        graph = {
            "base_quantization_type": self.storage,
            "max_degree": 2 * spec["m"],
            "ef_construction": spec["ef_construction"],
            "build_thread_count": spec["threads"],
        }
        parameters = {"dtype": "float32", "metric_type": spec["distance"], "dim": spec["dim"], "index_param": graph}
        self.index = pyvsag.Index("hgraph", json.dumps(parameters))
        ids = np.arange(self.rows, dtype=np.int64)
        self.index.build(vectors=vectors.reshape(-1), ids=ids, num_elements=self.rows, dim=spec["dim"])
        self.looks = json.dumps({"hgraph": {"ef_search": spec["ef"]}})

    def count(self):
        return self.rows

    def search(self, query, k, allowed):
        ids, distances = self.index.knn_search(vector=query[0], k=min(k, self.rows), parameters=self.looks)
        return ids, distances

    def save(self, folder):
        self.index.save(os.path.join(folder, "index"))

    def drop(self):
        self.index = None


pyvsag.set_logger_off()
serve(Pyvsag(sys.argv[1]))
