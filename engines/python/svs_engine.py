"""Scalable Vector Search by Intel: Vamana, built once. `svs_engine.py f32|f16`: how it stores a component."""

import importlib.metadata
import os
import sys

import numpy as np
import svs

from membench_engine import Engine, normalised, serve


class Svs(Engine):
    version = f"scalable-vs {importlib.metadata.version('scalable-vs')}"
    parameters = ["m", "ef_construction", "ef", "threads"]

    def __init__(self, storage):
        self.storage = storage
        self.can = ["save"] + (["exact_distances"] if storage == "f32" else [])

    def build(self, vectors, spec):
        self.spec = spec
        self.rows = len(vectors)
        is_l2 = spec["distance"] == "l2"
        parameters = svs.VamanaBuildParameters(
            graph_max_degree=2 * spec["m"], window_size=spec["ef_construction"], alpha=1.2 if is_l2 else 0.95
        )
        kind = svs.DistanceType.L2 if is_l2 else svs.DistanceType.MIP
        data = self.prepared(vectors)
        data = data.astype(np.float16) if self.storage == "f16" else data
        self.index = svs.Vamana.build(parameters, data, kind, num_threads=spec["threads"])
        self.index.search_window_size = spec["ef"]

    def prepared(self, vectors):
        return normalised(vectors) if self.spec["distance"] == "cosine" else vectors

    def count(self):
        return self.rows

    def search(self, query, k, allowed):
        query = self.prepared(query)
        query = query.astype(np.float16) if self.storage == "f16" else query
        ids, distances = self.index.search(query, k)
        return ids[0], distances[0] if self.spec["distance"] == "l2" else 1 - distances[0]

    def save(self, folder):
        folders = [os.path.join(folder, name) for name in ("config", "graph", "data")]
        self.index.save(*folders)

    def drop(self):
        self.index = None


serve(Svs(sys.argv[1]))
