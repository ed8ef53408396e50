"""Fits what examples/arxiv/classify.yaml fits with scikit-learn, from the matrices that it wrote.

Prints a line of JSON: seconds without imports, peak megabytes, and the average precision of each model.
"""

import argparse
import csv
import json
import resource
import time
import warnings

import numpy
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

parser = argparse.ArgumentParser()
parser.add_argument("--input", required=True)
parser.add_argument("--costs", default="1,4,16")
options = parser.parse_args()
warnings.simplefilter("error", ConvergenceWarning)

begin = time.monotonic()


def part(name):
    matrix = scipy.sparse.load_npz(f"{options.input}/{name}.npz").tocsr()
    with open(f"{options.input}/{name}.csv", newline="") as lines:
        rows = list(csv.reader(lines))
    return matrix, rows[0], numpy.array(rows[1:], dtype=numpy.int8)


training, labels, targets = part("train")
validation, _, truths = part("validation")
scores = {}
for place, label in enumerate(labels):
    target = targets[:, place]
    with_label = 1 + numpy.asarray(training[target == 1].sum(axis=0)).ravel()
    without = 1 + numpy.asarray(training[target == 0].sum(axis=0)).ravel()
    ratios = numpy.log((with_label / with_label.sum()) / (without / without.sum()))
    weighed, tested = training.multiply(ratios).tocsr(), validation.multiply(ratios).tocsr()
    for cost in options.costs.split(","):
        model = LogisticRegression(C=float(cost), dual=True, solver="liblinear", tol=1e-4, max_iter=1000)
        model.fit(weighed, target)
        scores[f"{label}, C = {cost}"] = average_precision_score(truths[:, place], model.decision_function(tested))
print(
    json.dumps(
        {
            "seconds": time.monotonic() - begin,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
            "scores": scores,
        }
    )
)
