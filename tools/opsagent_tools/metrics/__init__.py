"""Series of measured values: what is unusual in them, what leaks, what will be used up. Pure: values in, values out."""
