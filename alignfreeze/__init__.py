"""AlignFreeze: realign multilingual encoders, freezing part of them, and measure the transfer."""

__version__ = "0.1.0"
