"""The metric suite: detectors of single series, held to public labels (NAB) and to leaks made to measure."""
