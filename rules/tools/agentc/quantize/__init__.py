"""Quantization: probabilities in fewer bits, and the selection of a storage."""
