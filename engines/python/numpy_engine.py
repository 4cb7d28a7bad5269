"""The control: an array of vectors and one of ids, searched exactly. It takes 4 dim + 8 bytes a vector, known beforehand."""

import numpy as np

from membench_engine import Engine, serve


class Numpy(Engine):
    version = f"numpy {np.__version__}"
    can = ["exact", "exact_distances", "insert", "delete", "filter", "save"]

    def build(self, vectors, spec):
        self.distance = spec["distance"]
        self.vectors = vectors.copy()
        self.ids = np.arange(len(vectors), dtype=np.int64)

    def count(self):
        return len(self.ids)

    def search(self, query, k, allowed):
        rows = np.arange(len(self.ids)) if allowed is None else np.flatnonzero(np.isin(self.ids, allowed))
        distances = self.far(self.vectors if allowed is None else self.vectors[rows], query[0])
        k = min(k, len(rows))
        nearest = np.argsort(distances, kind="stable")[:k]
        return self.ids[rows[nearest]], distances[nearest]

    def far(self, vectors, query):
        if self.distance == "l2":
            return ((vectors - query) ** 2).sum(axis=1)
        products = vectors @ query
        if self.distance == "ip":
            return 1 - products
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
        return 1 - np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)

    def insert(self, ids, vectors):
        self.vectors = np.concatenate([self.vectors, vectors])
        self.ids = np.concatenate([self.ids, ids])

    def delete(self, ids):
        stays = ~np.isin(self.ids, ids)
        self.vectors, self.ids = self.vectors[stays], self.ids[stays]

    def save(self, folder):
        np.save(f"{folder}/vectors.npy", self.vectors)
        np.save(f"{folder}/ids.npy", self.ids)

    def memory_bytes(self):
        return self.vectors.nbytes + self.ids.nbytes

    def drop(self):
        self.vectors = self.ids = None


serve(Numpy())
