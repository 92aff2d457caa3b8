"""What the product costs: latency and throughput against models that answer at once. `python -m benchmarks.run`"""
