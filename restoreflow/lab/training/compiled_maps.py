"""The flow's element-wise maps through torch.compile, for training."""

from __future__ import annotations

from types import MethodType

import torch

from restoreflow.flows.coupling import Coupling, Injector
from restoreflow.flows.elementwise import TwoBinSplineMap
from restoreflow.flows.flow import ConditionalFlow

__all__ = ["compile_maps"]


def compile_maps(flow: ConditionalFlow) -> int:
    """Compile the two-bin splines of a flow's layers, one kernel a shape for all of them.

    Forward, inverse and their gradients become one pass through memory each; a step of training
    with splines then takes about a tenth longer than one with affine couplings
    (`benchmarks/training_step.py`). Other maps are left alone.

    Returns:
        how many layers run compiled.
    """
    forward = torch.compile(TwoBinSplineMap.forward, dynamic=False)
    inverse = torch.compile(TwoBinSplineMap.inverse, dynamic=False)
    count = 0
    for module in flow.modules():
        if isinstance(module, Coupling | Injector) and type(module.map) is TwoBinSplineMap:
            # Each instance's own method, so that what is compiled stays with this flow.
            module.map.forward = MethodType(forward, module.map)
            module.map.inverse = MethodType(inverse, module.map)
            count += 1
    return count
