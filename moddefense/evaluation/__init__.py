"""How good the models are: metrics, and what they mean for the decisions."""
