"""A small model: which iris is it? Multinomial logistic regression, in plain Python.

The data are the 150 flowers that Edgar Anderson measured and R. A. Fisher published in 1936
("The use of multiple measurements in taxonomic problems"). Training takes about a second and always
gives the same model.
"""
import csv
import math
import pathlib

FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
STEPS = 400
RATE = 0.5


def softmax(scores):
    """Scores to probabilities."""
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


class Model:
    """Learns from rows of (features, species), then predicts."""

    def __init__(self, rows):
        columns = list(zip(*(features for features, _ in rows)))
        self.species = sorted({species for _, species in rows})
        self.means = [sum(column) / len(column) for column in columns]
        self.deviations = [math.sqrt(sum((x - mean) ** 2 for x in column) / len(column))
                           for column, mean in zip(columns, self.means)]
        self.weights = [[0.0] * (len(FEATURES) + 1) for _ in self.species]
        self._train([(self._scaled(features), self.species.index(species))
                     for features, species in rows])

    def _scaled(self, features):
        """Each feature with mean 0 and deviation 1, and a 1 for the bias."""
        return [(x - mean) / deviation for x, mean, deviation
                in zip(features, self.means, self.deviations)] + [1.0]

    def _probabilities(self, x):
        return softmax([sum(w * xi for w, xi in zip(weights, x)) for weights in self.weights])

    def _train(self, examples):
        for _ in range(STEPS):
            slopes = [[0.0] * len(self.weights[0]) for _ in self.weights]
            for x, wanted in examples:
                for number, probability in enumerate(self._probabilities(x)):
                    error = probability - (number == wanted)
                    for i, xi in enumerate(x):
                        slopes[number][i] += error * xi
            for weights, slope in zip(self.weights, slopes):
                for i, s in enumerate(slope):
                    weights[i] -= RATE * s / len(examples)

    def predict(self, features):
        """The probability of each species, the likeliest first."""
        probabilities = self._probabilities(self._scaled(features))
        return sorted(zip(self.species, probabilities), key=lambda pair: -pair[1])


def load(path=pathlib.Path(__file__).with_name("iris.csv")):
    """The rows of the data set."""
    with open(path, newline="", encoding="utf-8") as file:
        return [([float(row[name]) for name in FEATURES], row["species"])
                for row in csv.DictReader(file)]


def train():
    """A model that has seen all 150 flowers."""
    return Model(load())
