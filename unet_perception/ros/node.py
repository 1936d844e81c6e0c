"""The lifecycle node `segmentation`: camera images in, mask and confidence out.

Knows when things happen (configure, activate, deactivate, cleanup) and the gate between camera
and worker; what happens is in `serving`, `worker` and `diagnostics`.
"""

from collections.abc import Callable
import sys
from time import monotonic
import traceback
from types import MappingProxyType

from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from ..core.frame import Frame
from ..core.health import Health, Outcome
from ..core.memory import resident_mb
from ..core.status import Situation, Stage, Status, statuses
from ..engines import open_engine
from ..errors import UnetPerceptionError
from .diagnostics import Diagnostics
from .parameters import config_from_node, declare_parameters, judge_change
from .process import run_node
from .serving import OpenEngine, Serving, open_serving
from .worker import Outlets, Worker

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR
NOTHING: MappingProxyType[str, str] = MappingProxyType({})


class SegmentationNode(LifecycleNode):
    """Serves one camera with one model; `opener` is how an engine is opened."""

    def __init__(self, opener: OpenEngine = open_engine, **options: object) -> None:
        super().__init__('segmentation', **options)
        self._opener = opener
        self._stage, self._problem = Stage.UNCONFIGURED, ''
        self._active_since_s = 0.0
        self._serving: Serving | None = None
        self._worker: Worker | None = None
        self._is_enabled = True
        self.health = Health()
        declare_parameters(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self._enable = self.create_service(SetBool, '~/enable', self._on_enable)
        self._diagnostics = Diagnostics(self, self.look)

    def start_by_itself(self) -> None:
        """Configure and activate, if the parameter `autostart` says so."""
        if not self.get_parameter('autostart').value:
            self.get_logger().info('waiting to be configured (autostart:=true does it at start)')
        elif self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def look(self) -> list[Status]:
        """Return what diagnostics report now."""
        return statuses(self._situation(), self.health.snapshot())

    def close(self) -> None:
        """Give everything back; the node is of no use afterwards."""
        self._release()
        self._diagnostics.close()
        self.destroy_node()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Verify the model, open and prove the engine, create the topics."""
        return self._attempt('configure', self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker and open the gate."""
        return self._attempt('activate', self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the gate and wait for the frame in hand; the engine stays open."""
        return self._attempt('deactivate', self._deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free all that configure opened."""
        return self._attempt('cleanup', self._release)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free all, from whatever state."""
        return self._attempt('shutdown', self._release)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free all after an unforeseen error, so that configure can be tried again."""
        return self._attempt('error handling', self._release, keep_problem=True)

    def _attempt(
        self, what: str, act: Callable[[], None], keep_problem: bool = False
    ) -> TransitionCallbackReturn:
        """Do one transition; rclpy would swallow its exceptions, so each is logged here."""
        if not keep_problem:
            self._problem = ''
        try:
            act()
        except UnetPerceptionError as exc:
            self._problem = str(exc)
            self.get_logger().error(f'{what} refused: {exc}')
            return FAILURE
        except Exception as exc:
            self._problem = f'{type(exc).__name__}: {exc}'
            self.get_logger().error(f'{what} failed: {traceback.format_exc()}')
            return ERROR
        finally:
            self._diagnostics.notice()
        self.get_logger().info(f'{what}: done, now {self._stage.value}')
        return SUCCESS

    def _configure(self) -> None:
        config = config_from_node(self)
        self.health = Health()
        self._stage = Stage.BUILDING
        self._diagnostics.notice()
        try:
            self._serving = open_serving(self, config, self._on_frame, self._opener)
        except BaseException:
            self._stage = Stage.UNCONFIGURED
            raise
        self._stage = Stage.INACTIVE
        model, engine = self._serving.model_values, self._serving.engine_values
        self.get_logger().info(
            f'model {model["name"]} {model["version"]} ({model["file"]}) on '
            f'{engine["backend"]}, {engine["device"]}; {engine["reason"]}'
        )

    def _activate(self) -> None:
        assert self._serving is not None, 'activate follows configure'
        camera = self._serving.camera
        self._stage, self._active_since_s = Stage.ACTIVE, monotonic()
        self._worker = Worker(
            self._serving.pipeline,
            self.health,
            Outlets(
                camera.publish,
                camera.publish_extras,
                self._age_ms,
                self._is_open,
                self._complain,
            ),
        )

    def _deactivate(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
            self._stage = Stage.INACTIVE

    def _release(self) -> None:
        self._deactivate()
        serving, self._serving = self._serving, None
        self._stage = Stage.UNCONFIGURED
        if serving is not None:
            serving.close()

    def _on_frame(self, frame: Frame) -> None:
        """Let a frame through the gate, or count it."""
        self.health.on_received(frame, self.get_clock().now().nanoseconds)
        if self._worker is not None and self._is_enabled:
            self._worker.offer(frame)
        else:
            self.health.on_turned_away(Outcome.GATED)

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._is_enabled = request.data
        response.success = True
        response.message = 'enabled' if request.data else 'disabled: images are counted as gated'
        return response

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        verdict = judge_change(parameters, self._serving is not None)
        changes = {parameter.name: parameter.value for parameter in parameters}
        if verdict.successful and self._serving is not None and 'unknown_threshold' in changes:
            self._serving.pipeline.unknown_threshold = changes['unknown_threshold']
            self._serving.camera.publish_label_info(changes['unknown_threshold'])
        return verdict

    def _is_open(self) -> bool:
        return self._is_enabled and bool(self.context.ok())

    def _age_ms(self, stamp_ns: int) -> float | None:
        age_ns = self.get_clock().now().nanoseconds - stamp_ns
        return float(age_ns) / 1e6 if stamp_ns and age_ns >= 0 else None

    def _complain(self, message: str) -> None:
        self.get_logger().warning(message, throttle_duration_sec=1.0)

    def _situation(self) -> Situation:
        serving = self._serving
        return Situation(
            stage=self._stage,
            active_s=monotonic() - self._active_since_s if self._stage is Stage.ACTIVE else 0.0,
            is_enabled=self._is_enabled,
            problem=self._problem,
            model=serving.model_values if serving else NOTHING,
            engine=serving.engine_values if serving else NOTHING,
            image_topic=serving.camera.image_topic if serving else '',
            input_timeout_s=serving.config.input_timeout_s if serving else 0.0,
            publishers=serving.camera.publishers() if serving else (),
            has_label_info=serving.camera.has_label_info if serving else False,
            rss_mb=resident_mb(),
        )


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop; 2 if a parameter is refused."""
    start = SegmentationNode.start_by_itself
    return run_node('segmentation_node', SegmentationNode, start, lambda _: False, args)


if __name__ == '__main__':
    sys.exit(main())
