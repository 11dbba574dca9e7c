"""The classifier: network, adversarial training, uncertainty, calibration, serving."""
