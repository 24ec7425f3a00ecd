"""Golden values for src/training/optimizer.ts, from Keras's AdamW and a hand-rolled average.

Run with tensorflow-cpu 2.15.1:  python make_adamw.py > adamw.json
Keras puts epsilon after the bias correction of the second moment's root; with epsilon 1e-8 and gradients of order one the
difference to the textbook formula is below float32.
"""
import json
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(7)
start = rng.normal(size=6).astype(np.float32)
gradients = rng.normal(size=(12, 6)).astype(np.float32)
rates = [0.1 * (1 - k / 12) for k in range(12)]
weights = tf.Variable(start)
optimizer = tf.keras.optimizers.AdamW(weight_decay=0.05, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
average = start.astype(np.float64)
for t, (gradient, rate) in enumerate(zip(gradients, rates), start=1):
    optimizer.learning_rate = rate
    optimizer.apply_gradients([(tf.constant(gradient), weights)])
    keep = min(0.5, t / (t + 9))
    average = keep * average + (1 - keep) * weights.numpy()
print(json.dumps({"start": start.tolist(), "gradients": gradients.tolist(), "rates": rates,
                  "weights": weights.numpy().tolist(), "averages": average.tolist()}))
