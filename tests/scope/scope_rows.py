"""The rows of the project's scope: what the founding documents describe, in their words. A test names each."""

from __future__ import annotations

ROWS = {
    "selection": "requirements, candidate schemes, evaluation, decision, monitoring and adjusting",
    "principles": "performance first, scalable, cost-effective, secure, maintainable",
    "hardware": "CPU (Xeon Platinum 8260), GPU (V100, A100, newer), TPU, FPGA, ASIC",
    "workloads": "BERT, GPT-1/2/3, GLM-10B/130B, risk scoring, medical, customer service",
    "learning": "pre-training, fine-tuning, optimizers, ensembles",
    "parallel training": "data, model, pipeline; parameter server and all-reduce; mixed precision; ten workers",
    "frameworks": "TensorFlow, PyTorch, JAX; Megatron",
    "engines": "TensorFlow Serving, ONNX Runtime, TensorRT, Caffe2; parallel inference; load balancing, availability",
    "places": "cloud, edge and on-premises inference; elastic capacity",
    "model compression": "quantization, pruning, distillation, graph optimization; accuracy against size and speed",
    "data compression": "LZ77/LZ78/LZW family; rates; the worked example BERT 345M, 16 GB, 4 bits, codec ratio 0.9",
    "storage": "HDFS, Ceph, object stores, SSD and HDD, hot and cold; replication",
    "network": "100 Gb/s Ethernet and up, InfiniBand, low latency, high bandwidth, topology",
    "energy": "E = k P T, power management, PUE, sustainability, carbon",
    "planning case": "10 nodes x 1 PFLOP/s x 100 TB, 1 PB of data, a 10 GB model",
    "scaling case": "compression and distributed inference bring +30 % speed and -20 % resources on a BERT service",
    "reliability": "24/7, redundancy, disaster recovery; scheduling and load balancing",
    "security": "encryption, access control, audit, anonymization, residency, compliance",
    "growth": "growing cost and complexity, environment, training of staff",
}
