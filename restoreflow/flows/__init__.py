"""Invertible mathematics: bijections, the conditional flow, and its certificate."""
