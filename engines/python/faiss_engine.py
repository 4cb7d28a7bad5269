"""faiss, one index a process: `faiss_engine.py flat|hnsw32|sq8|hnsw32-sq8|ivfpq|ivfpq-rabitq...` (see STORAGES)."""

import os
import sys

import faiss
import numpy as np

from membench_engine import Engine, batches, normalised, serve

# By name: what faiss's index_factory is told, of so many vectors of so many components.
STORAGES = {
    "flat": lambda n, dim, m: "Flat",
    "hnsw": lambda n, dim, m: f"HNSW{m},Flat",
    "sq8": lambda n, dim, m: "SQ8",
    "hnsw-sq8": lambda n, dim, m: f"HNSW{m},SQ8",
    "ivfpq": lambda n, dim, m: f"IVF{lists(n)},PQ{max(dim // 8, 1)}",
    "rabitq": lambda n, dim, m: "RaBitQ",
}


def lists(n):
    """As many lists as the root of n, a power of two; a list wants 39 vectors to be trained on."""
    most = max(n // 39, 1)
    return min(2 ** round(np.log2(max(n, 2) ** 0.5)), 2 ** int(np.log2(most)))


class Faiss(Engine):
    version = f"faiss-cpu {faiss.__version__}"

    def __init__(self, storage):
        self.storage = storage
        self.is_exact = storage == "flat"
        self.can = ["filter", "save"]
        if self.is_exact:
            self.can += ["exact"]
        if storage in ("flat", "hnsw"):
            self.can += ["exact_distances"]
        if storage.startswith("hnsw"):
            self.parameters = ["m", "ef_construction", "ef", "threads"]

    def build(self, vectors, spec):
        faiss.omp_set_num_threads(spec["threads"])
        self.spec = spec
        metric = faiss.METRIC_L2 if spec["distance"] == "l2" else faiss.METRIC_INNER_PRODUCT
        factory = STORAGES[self.storage](len(vectors), spec["dim"], spec["m"])
        self.index = faiss.index_factory(spec["dim"], factory, metric)
        if isinstance(self.index, faiss.IndexHNSW):
            self.index.hnsw.efConstruction = spec["ef_construction"]
            self.index.hnsw.efSearch = spec["ef"]
        if not self.index.is_trained:
            self.index.train(self.prepared(vectors))
        for _, batch in batches(vectors, spec):
            self.index.add(self.prepared(batch))

    def prepared(self, vectors):
        return normalised(vectors) if self.spec["distance"] == "cosine" else vectors

    def count(self):
        return self.index.ntotal

    def search(self, query, k, allowed):
        chosen = None
        if allowed is not None:
            chosen = faiss.IDSelectorBatch(allowed)
        parameters = self.search_parameters(chosen)
        distances, ids = self.index.search(self.prepared(query), k, params=parameters)
        found = ids[0] >= 0
        ids, distances = ids[0][found], distances[0][found]
        return ids, distances if self.spec["distance"] == "l2" else 1 - distances

    def search_parameters(self, chosen):
        if isinstance(self.index, faiss.IndexHNSW):
            return faiss.SearchParametersHNSW(sel=chosen, efSearch=self.spec["ef"])
        if isinstance(self.index, faiss.IndexIVF):
            return faiss.SearchParametersIVF(sel=chosen, nprobe=min(16, self.index.nlist))
        return faiss.SearchParameters(sel=chosen) if chosen else None

    def save(self, folder):
        faiss.write_index(self.index, os.path.join(folder, "index"))

    def drop(self):
        self.index = None


serve(Faiss(sys.argv[1]))
