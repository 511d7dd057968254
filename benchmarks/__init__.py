"""Measurements that a reader can run again; each module says how, and writes a dated table beside itself."""
