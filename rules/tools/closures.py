"""Files and distributions that each program of this folder uses, directly or not: they are inputs of its actions.

The table of direct uses is generated: `python -m tests.support.closures --write` computes it from the code.
"""
from __future__ import annotations


def programs() -> list[str]:
    """Names of the programs: the files of this folder itself."""
    return [name for name in USES if "/" not in name]


def closure(program: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(files below this folder, distributions) that a program uses, both sorted; for a name of `programs()`."""
    reached, waiting = {program}, [program]
    while waiting:
        for name in USES.get(waiting.pop(), "").split():
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    distributions = {name for name in reached if name.startswith("pypi:")}
    modules = reached - distributions
    packages = {"/".join(parts[:end]) for name in modules for parts in [name.split("/")] for end in range(1, len(parts))}
    files = {name if "." in name else f"{name}.py" for name in modules}
    inits = {f"{package}/__init__.py" for package in packages if not package.endswith("/native")}
    return tuple(sorted(files | inits)), tuple(sorted(name.removeprefix("pypi:") for name in distributions))


USES: dict[str, str] = {
    "archive_mcu_library": "agentc/codegen/native_files agentc/errors agentc/mcu/library agentc/native/agent.h agentc/toolchain/elf agentc/toolchain/errors agentc/toolchain/zig",
    "assemble_image": "ociimage/assemble ociimage/errors",
    "check_links": "agentc/codegen/links agentc/errors",
    "compile_c": "agentc/toolchain/errors agentc/toolchain/zig",
    "compile_mcu_helpers": "agentc/toolchain/errors agentc/toolchain/zig",
    "copy_tree": "",
    "emit_agent": "agentc/codegen/agent agentc/codegen/names agentc/plan/files",
    "emit_program": "agentc/codegen/links agentc/codegen/main agentc/errors",
    "emulate_mcu": "agentc/mcu/emulation agentc/proof/emulation agentc/toolchain/errors",
    "emulate_program": "agentc/proof/emulation",
    "import_gnn": "agentc/importers/gnn/reader agentc/importers/main",
    "import_npz": "agentc/importers/main agentc/importers/npz",
    "import_objects": "agentc/importers/main agentc/importers/objects",
    "import_pomdp": "agentc/importers/main agentc/importers/pomdp/reader agentc/importers/pomdp/rewards",
    "import_python": "agentc/importers/main agentc/importers/python agentc/importers/python_source",
    "link_program": "agentc/toolchain/errors agentc/toolchain/zig",
    "make_probe": "agentc/errors agentc/ir/files agentc/ir/types agentc/proof/probe",
    "measure_image": "agentc/errors agentc/proof/fitness agentc/toolchain/errors",
    "measure_quantization": "agentc/ir/files agentc/proof/fidelity agentc/proof/native agentc/proof/replay agentc/quantize/trial agentc/toolchain/errors",
    "merge_images": "ociimage/errors ociimage/layout ociimage/merge",
    "plan_agent": "agentc/errors agentc/ir/files agentc/plan/build agentc/plan/files",
    "prove_native": "agentc/ir/files agentc/proof/fidelity agentc/proof/native agentc/proof/replay agentc/toolchain/errors",
    "prove_python": "agentc/errors agentc/ir/files agentc/ir/types agentc/proof/python agentc/pymdp_backend/probe",
    "quantize_plan": "agentc/errors agentc/ir/files agentc/plan/files agentc/quantize/grids agentc/quantize/plan",
    "report_export": "agentc/proof/fitness agentc/proof/report",
    "report_quantization": "agentc/quantize/page",
    "run_check": "",
    "select_backend": "agentc/ir/files agentc/ir/types agentc/plan/backend",
    "select_quantization": "agentc/errors agentc/ir/files agentc/proof/fidelity agentc/quantize/select",
    "show_model": "agentc/importers/main agentc/ir/types modelview/page modelview/summary",
    "agentc/codegen/agent": "agentc/codegen/inference agentc/codegen/names agentc/codegen/native_files agentc/codegen/policy agentc/codegen/pymdp007 agentc/codegen/quantized agentc/codegen/tables agentc/native/agent.h agentc/native/fmath.h agentc/native/kernel.h agentc/native/quantized.h agentc/plan/files",
    "agentc/codegen/buffer_sizes": "agentc/codegen/links",
    "agentc/codegen/inference": "agentc/codegen/quantized agentc/plan/files agentc/plan/lower_tables",
    "agentc/codegen/links": "",
    "agentc/codegen/main": "agentc/codegen/buffer_sizes agentc/codegen/links agentc/codegen/names agentc/codegen/native_files agentc/codegen/tables agentc/native/address.h agentc/native/agent.h agentc/native/agent_state.h agentc/native/chunks.h agentc/native/connections.h agentc/native/http.h agentc/native/metrics.h agentc/native/process.h agentc/native/program.h agentc/native/replay.h agentc/native/reply.h agentc/native/request.h agentc/native/serve.h agentc/native/state_file.h agentc/native/step.h agentc/native/syscalls.h agentc/native/text.h agentc/proof/replay pypi:numpy",
    "agentc/codegen/names": "",
    "agentc/codegen/native_files": "",
    "agentc/codegen/policy": "agentc/codegen/inference agentc/codegen/quantized agentc/codegen/tables agentc/plan/files agentc/plan/lower_tables",
    "agentc/codegen/pymdp007": "agentc/codegen/inference agentc/plan/files agentc/plan/pymdp007",
    "agentc/codegen/quantized": "agentc/plan/files pypi:numpy",
    "agentc/codegen/tables": "pypi:numpy",
    "agentc/errors": "",
    "agentc/importers/gnn/axes": "agentc/ir/columns agentc/ir/types pypi:numpy",
    "agentc/importers/gnn/parameters": "agentc/importers/gnn/parser agentc/importers/parameters agentc/importers/text_input",
    "agentc/importers/gnn/parser": "agentc/importers/parameters agentc/importers/text_input agentc/ir/types pypi:numpy",
    "agentc/importers/gnn/reader": "agentc/importers/gnn/axes agentc/importers/gnn/parameters agentc/importers/gnn/parser agentc/importers/gnn/structure agentc/importers/json_input agentc/importers/main agentc/importers/parameters agentc/importers/resolve agentc/importers/text_input agentc/ir/columns agentc/ir/types pypi:numpy",
    "agentc/importers/gnn/structure": "agentc/importers/gnn/parser agentc/ir/types",
    "agentc/importers/inductive": "agentc/ir/types pypi:numpy",
    "agentc/importers/json_input": "agentc/ir/types",
    "agentc/importers/labels": "agentc/importers/parameters agentc/ir/types",
    "agentc/importers/main": "agentc/errors agentc/ir/files agentc/ir/types",
    "agentc/importers/npy": "",
    "agentc/importers/npz": "agentc/importers/json_input agentc/importers/main agentc/importers/npy agentc/importers/npz_hints agentc/importers/resolve agentc/ir/types pypi:numpy",
    "agentc/importers/npz_hints": "agentc/importers/npy agentc/importers/parameters",
    "agentc/importers/objects": "agentc/importers/json_input agentc/importers/npz agentc/importers/parameters agentc/importers/resolve agentc/importers/safe_unpickle agentc/ir/types pypi:numpy",
    "agentc/importers/parameters": "agentc/ir/types",
    "agentc/importers/pomdp/lexer": "agentc/importers/text_input agentc/ir/types pypi:numpy",
    "agentc/importers/pomdp/parser": "agentc/importers/pomdp/lexer agentc/importers/text_input agentc/ir/types pypi:numpy",
    "agentc/importers/pomdp/reader": "agentc/importers/json_input agentc/importers/main agentc/importers/parameters agentc/importers/pomdp/parser agentc/importers/pomdp/rewards agentc/importers/resolve agentc/importers/text_input agentc/ir/columns agentc/ir/types pypi:numpy",
    "agentc/importers/pomdp/rewards": "agentc/importers/pomdp/parser agentc/importers/text_input agentc/ir/types pypi:numpy",
    "agentc/importers/pymdp007": "agentc/importers/resolve agentc/ir/types pypi:numpy",
    "agentc/importers/pymdp_distributions": "agentc/importers/parameters agentc/ir/types pypi:numpy",
    "agentc/importers/python": "agentc/importers/json_input agentc/importers/main agentc/importers/parameters agentc/importers/pymdp007 agentc/importers/pymdp_distributions agentc/importers/python_source agentc/importers/resolve agentc/ir/types pypi:numpy",
    "agentc/importers/python_source": "agentc/ir/types",
    "agentc/importers/resolve": "agentc/importers/inductive agentc/importers/labels agentc/importers/parameters agentc/importers/unused agentc/ir/types agentc/ir/validate pypi:numpy",
    "agentc/importers/safe_unpickle": "agentc/importers/npy agentc/importers/npz agentc/ir/types pypi:numpy",
    "agentc/importers/text_input": "agentc/ir/types",
    "agentc/importers/unused": "agentc/importers/parameters agentc/ir/types agentc/ir/validate pypi:numpy",
    "agentc/ir/columns": "agentc/ir/types pypi:numpy",
    "agentc/ir/files": "agentc/ir/types agentc/ir/validate pypi:numpy",
    "agentc/ir/types": "pypi:numpy",
    "agentc/ir/validate": "agentc/ir/columns agentc/ir/types pypi:numpy",
    "agentc/mcu/emulation": "agentc/codegen/native_files agentc/native/agent.h agentc/native/mcu.h agentc/proof/emulation agentc/proof/replay agentc/toolchain/elf agentc/toolchain/zig",
    "agentc/mcu/library": "",
    "agentc/numerics/clopper_pearson": "",
    "agentc/numerics/counter_rng": "agentc/numerics/exact_math",
    "agentc/numerics/exact_math": "pypi:numpy",
    "agentc/oracle/action_selection": "agentc/ir/types agentc/numerics/counter_rng agentc/numerics/exact_math agentc/oracle/agent pypi:numpy",
    "agentc/oracle/agent": "agentc/ir/types agentc/numerics/exact_math agentc/oracle/contraction agentc/oracle/policy_tree agentc/oracle/pymdp007 pypi:numpy",
    "agentc/oracle/conditioning": "agentc/numerics/counter_rng agentc/numerics/exact_math agentc/oracle/agent pypi:numpy",
    "agentc/oracle/contraction": "agentc/numerics/exact_math pypi:numpy",
    "agentc/oracle/policy_tree": "agentc/ir/types pypi:numpy",
    "agentc/oracle/pymdp007": "agentc/ir/types agentc/numerics/exact_math agentc/oracle/contraction pypi:numpy",
    "agentc/plan/backend": "agentc/ir/types agentc/plan/build agentc/plan/cost_model",
    "agentc/plan/build": "agentc/ir/files agentc/numerics/exact_math agentc/plan/feature_support agentc/plan/files agentc/plan/lower_tables agentc/plan/prune_irrelevant agentc/plan/pymdp007 agentc/plan/share_beliefs pypi:numpy",
    "agentc/plan/cost_model": "agentc/ir/files agentc/plan/files pypi:numpy",
    "agentc/plan/feature_support": "agentc/ir/files agentc/ir/types",
    "agentc/plan/files": "agentc/ir/files agentc/plan/lower_tables pypi:numpy",
    "agentc/plan/lower_tables": "agentc/ir/files agentc/numerics/exact_math agentc/plan/share_beliefs pypi:numpy",
    "agentc/plan/merge_equal_products": "agentc/ir/files pypi:numpy",
    "agentc/plan/prune_irrelevant": "agentc/ir/files pypi:numpy",
    "agentc/plan/pymdp007": "agentc/ir/files agentc/numerics/exact_math agentc/plan/feature_support agentc/plan/lower_tables agentc/plan/share_beliefs pypi:numpy",
    "agentc/plan/share_beliefs": "agentc/ir/files agentc/plan/merge_equal_products agentc/plan/prune_irrelevant pypi:numpy",
    "agentc/proof/coverage": "agentc/ir/types agentc/numerics/exact_math agentc/oracle/contraction agentc/oracle/policy_tree pypi:numpy",
    "agentc/proof/emulation": "agentc/proof/replay",
    "agentc/proof/fidelity": "agentc/ir/files agentc/numerics/clopper_pearson agentc/numerics/exact_math agentc/proof/replay pypi:numpy",
    "agentc/proof/fitness": "agentc/toolchain/elf",
    "agentc/proof/native": "agentc/codegen/links agentc/codegen/main agentc/proof/fidelity agentc/proof/replay agentc/toolchain/errors agentc/toolchain/zig",
    "agentc/proof/probe": "agentc/ir/files agentc/ir/types agentc/numerics/counter_rng agentc/numerics/exact_math agentc/oracle/action_selection agentc/oracle/agent agentc/oracle/conditioning agentc/oracle/contraction agentc/oracle/policy_tree agentc/proof/coverage pypi:numpy",
    "agentc/proof/python": "agentc/ir/types agentc/numerics/clopper_pearson agentc/plan/feature_support agentc/proof/fidelity agentc/proof/replay agentc/pymdp_backend/agent agentc/pymdp_backend/probe agentc/pymdp_backend/step pypi:numpy",
    "agentc/proof/replay": "agentc/ir/files pypi:numpy",
    "agentc/proof/report": "agentc/ir/files agentc/plan/cost_model agentc/plan/files",
    "agentc/pymdp_backend/agent": "agentc/ir/types pypi:inferactively-pymdp pypi:numpy",
    "agentc/pymdp_backend/probe": "agentc/ir/types agentc/numerics/counter_rng agentc/numerics/exact_math agentc/oracle/action_selection agentc/oracle/agent agentc/proof/coverage agentc/proof/probe agentc/proof/replay agentc/pymdp_backend/agent agentc/pymdp_backend/rollout pypi:numpy",
    "agentc/pymdp_backend/rollout": "agentc/ir/types agentc/pymdp_backend/agent pypi:inferactively-pymdp pypi:numpy",
    "agentc/pymdp_backend/step": "agentc/ir/types agentc/pymdp_backend/agent pypi:inferactively-pymdp",
    "agentc/quantize/grids": "agentc/numerics/exact_math pypi:numpy",
    "agentc/quantize/page": "",
    "agentc/quantize/plan": "agentc/ir/files agentc/plan/build agentc/plan/files agentc/plan/lower_tables agentc/plan/prune_irrelevant agentc/quantize/grids pypi:numpy",
    "agentc/quantize/select": "agentc/numerics/clopper_pearson agentc/proof/fidelity agentc/quantize/trial agentc/toolchain/elf pypi:numpy",
    "agentc/quantize/trial": "agentc/ir/files agentc/proof/fidelity agentc/proof/replay pypi:numpy",
    "agentc/toolchain/elf": "agentc/toolchain/errors",
    "agentc/toolchain/errors": "",
    "agentc/toolchain/zig": "agentc/toolchain/errors pypi:ziglang",
    "modelview/heatmap_png": "agentc/ir/types modelview/heatmap_text pypi:numpy",
    "modelview/heatmap_text": "agentc/ir/types modelview/summary pypi:numpy",
    "modelview/page": "agentc/importers/gnn/reader agentc/importers/json_input agentc/importers/main agentc/importers/npz agentc/importers/pomdp/reader agentc/ir/files agentc/ir/types modelview/heatmap_png modelview/heatmap_text modelview/summary",
    "modelview/summary": "agentc/importers/parameters agentc/ir/types pypi:numpy",
    "ociimage/assemble": "ociimage/config ociimage/errors ociimage/layout ociimage/tar",
    "ociimage/config": "ociimage/errors",
    "ociimage/errors": "",
    "ociimage/layout": "ociimage/errors ociimage/tar pypi:deflate",
    "ociimage/merge": "ociimage/errors ociimage/layout",
    "ociimage/tar": "ociimage/errors",
}
