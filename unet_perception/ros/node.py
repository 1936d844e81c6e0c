"""The lifecycle node `segmentation`: camera images in, mask and confidence out.

Knows when things happen (configure, activate, deactivate, cleanup) and the gate between cameras
and worker; what happens is in `serving`, `worker` and `diagnostics`.
"""

from collections.abc import Callable, Mapping
import sys
from time import monotonic, monotonic_ns
import traceback

from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from ..core.dispatch import Dispatcher
from ..core.frame import Frame
from ..core.health import Health, Outcome
from ..core.memory import resident_mb
from ..core.situation import CameraSituation, Rules, Situation, Stage
from ..core.status import Status, statuses
from ..engines import open_engine
from ..errors import EngineError, EngineHangError, UnetPerceptionError
from .diagnostics import Diagnostics
from .parameters import NodeConfig, config_from_node, declare_parameters, judge_change
from .process import is_told_to_stop, run_node
from .serving import OpenEngine, Serving, open_serving
from .worker import Worker

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR
NO_RULES = Rules(0.0, 0, 0.0)
TELL_S = 10.0
"""How often the log tells how far a plan is."""
PATIENCE_S, MOST_PATIENCE_S = 1.0, 10.0
"""How long to wait for a frame in hand; most, however long the rules let it take."""


class SegmentationNode(LifecycleNode):
    """Serves cameras with one model; `opener` is how an engine is opened."""

    def __init__(self, opener: OpenEngine = open_engine, **options: object) -> None:
        super().__init__('segmentation', **options)
        self._opener = opener
        self._stage, self._problem, self._progress = Stage.UNCONFIGURED, '', ''
        self._active_since_s = 0.0
        self._serving: Serving | None = None
        self._worker: Worker | None = None
        self._is_enabled = True
        self.healths: Mapping[str, Health] = {'': Health()}
        """What became of the frames, by camera, since the last configure."""
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
        return statuses(self._situation())

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
        except EngineHangError as exc:
            self._problem = str(exc)
            self.get_logger().error(f'{what}: {exc}')
            return ERROR
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
        self.healths = {name: Health() for name in config.cameras}
        self._stage = Stage.BUILDING
        self._diagnostics.notice()
        try:
            hears = self._on_frame, self._on_progress
            self._serving = open_serving(self, config, self.healths, *hears, self._opener)
        except BaseException:
            self._stage = Stage.UNCONFIGURED
            raise
        finally:
            self._progress = ''
        self._stage = Stage.INACTIVE
        model, engine = self._serving.model_values, self._serving.engine_values()
        self.get_logger().info(
            f'model {model["name"]} {model["version"]} at {", ".join(self._serving.points)} on '
            f'{engine["backend"]}, {engine["device"]}; {engine["reason"]}'
        )

    def _activate(self) -> None:
        assert self._serving is not None, 'activate follows configure'
        dispatcher = Dispatcher(self._serving.lanes, self._is_open, self._complain)
        self._active_since_s, self._worker = monotonic(), Worker(dispatcher)
        self._stage = Stage.ACTIVE

    def _deactivate(self) -> None:
        rules = rules_from_config(self._serving.config) if self._serving else NO_RULES
        if not self._stop_work(min(max(rules.stall_s, PATIENCE_S), MOST_PATIENCE_S)):
            raise EngineHangError(
                'inference does not return, so its engine is left behind: configure again, and '
                'if that does not help, start the process again'
            )

    def _stop_work(self, patience_s: float = PATIENCE_S) -> bool:
        """Close the gate and wait for the frame in hand; False if its inference hangs.

        The thread then goes on to own its engines, and they are closed should it ever return.
        """
        worker, self._worker = self._worker, None
        if worker is None:
            return True
        has_ended = worker.stop(patience_s)
        self._stage = Stage.INACTIVE
        if not has_ended and self._serving is not None:
            worker.when_over(self._serving.handed_over_engines().close)
        return has_ended

    def _release(self) -> None:
        if not self._stop_work():
            self.get_logger().error('inference does not return, so its engine is left behind')
        serving, self._serving = self._serving, None
        self._stage = Stage.UNCONFIGURED
        if serving is not None:
            serving.close()

    def _on_frame(self, lane: int, frame: Frame) -> None:
        """Let a frame through the gate, or count it."""
        assert self._serving is not None, 'images come while topics are open'
        health = self._serving.lanes[lane].health
        clock_ns = self.get_clock().now().nanoseconds
        health.on_received(frame, clock_ns)
        if self._worker is not None and self._is_enabled:
            self._worker.offer(lane, frame, clock_ns)
        else:
            health.on_turned_away(Outcome.GATED)

    def _on_progress(self, what: str, done: int, total: int) -> None:
        """Tell how far a plan is; EngineError if the process is to end, not to wait for it."""
        if is_told_to_stop():
            raise EngineError(f'told to stop while {what}')
        self._progress = f'{what}, {100 * done // total} %' if total else f'{what}, {done} s'
        self.get_logger().info(self._progress, throttle_duration_sec=TELL_S)

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if request.data and not self._is_enabled:
            self._active_since_s = monotonic()
        self._is_enabled = request.data
        response.success = True
        response.message = 'enabled' if request.data else 'disabled: images are counted as gated'
        return response

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        verdict = judge_change(parameters, self._serving is not None)
        changes = {parameter.name: parameter.value for parameter in parameters}
        if verdict.successful and self._serving is not None and 'unknown_threshold' in changes:
            self._serving.set_unknown_threshold(changes['unknown_threshold'])
        return verdict

    def _is_open(self) -> bool:
        return self._is_enabled and bool(self.context.ok())

    def _complain(self, message: str) -> None:
        self.get_logger().warning(message, throttle_duration_sec=1.0)

    def _situation(self) -> Situation:
        serving = self._serving
        is_working = self._stage is Stage.ACTIVE and self._is_enabled
        return Situation(
            now_ns=monotonic_ns(),
            stage=self._stage,
            active_s=monotonic() - self._active_since_s if is_working else 0.0,
            is_enabled=self._is_enabled,
            problem=self._problem,
            model=serving.model_values if serving else {},
            engine=serving.engine_values() if serving else {},
            points=serving.points if serving else (),
            rules=rules_from_config(serving.config) if serving else NO_RULES,
            has_label_info=bool(serving and serving.cameras[0].has_label_info),
            rss_mb=resident_mb(),
            cameras=self._camera_situations(serving),
            progress=self._progress,
        )

    def _camera_situations(self, serving: Serving | None) -> tuple[CameraSituation, ...]:
        if serving is None:
            return tuple(
                CameraSituation(name, '', (), True, None, None, health.snapshot())
                for name, health in self.healths.items()
            )
        now_ns = monotonic_ns()
        return tuple(
            CameraSituation(
                camera.name,
                camera.image_topic,
                camera.publishers(),
                lane.deadlines.is_from_stamp,
                lane.budget.seen,
                lane.deadlines.offset_ms(now_ns),
                lane.health.snapshot(),
            )
            for camera, lane in zip(serving.cameras, serving.lanes, strict=True)
        )


def rules_from_config(config: NodeConfig) -> Rules:
    """Return what diagnostics hold the node to."""
    return Rules(config.latency_budget_ms, config.stall_budgets, config.input_timeout_s)


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop; 2 if a parameter is refused."""
    start = SegmentationNode.start_by_itself
    return run_node('segmentation_node', SegmentationNode, start, lambda _: False, args)


if __name__ == '__main__':
    sys.exit(main())
