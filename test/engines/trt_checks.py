"""All that must hold of the TensorRT engine on stand-ins, as tables of functions.

Knows the tables; each function takes a setting and raises if its claim does not hold there.
"""

from trt_plan_checks import PLAN_CHECKS
from trt_refusal_checks import REFUSAL_CHECKS
from trt_run_checks import RUN_CHECKS

ENGINE_CHECKS = RUN_CHECKS[:-1] + REFUSAL_CHECKS + RUN_CHECKS[-1:]  # the longest last
ALL_CHECKS = ENGINE_CHECKS + PLAN_CHECKS
__all__ = ['ALL_CHECKS', 'ENGINE_CHECKS', 'PLAN_CHECKS']
