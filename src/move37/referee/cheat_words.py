"""What a gain can be faked with: the names that code uses for it, and why each matters.

Tables only. `cheat_python` looks Python names up here, `cheat_tokens` scans other languages with the
patterns at the end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from move37.core.records import Gravity

WHY: Mapping[str, str] = {
    "timing": "a program that reads or delays the clock can shape what it is timed by",
    "seed": "another random seed is other luck, not a better program",
    "data": "what has learned from the data that judges it shows nothing on other data",
    "cache": "what is kept from an earlier call or run is not computed when it is measured",
    "metric": "the number that is believed should be printed by the evaluation as it was",
    "files": "what lies outside of the program's own files can hold answers, or outlive the trial",
    "environment": "a program that knows how it is run can behave for the occasion",
    "network": "answers can be fetched; the sandbox has no network, so honest code gains nothing",
    "processes": "another process can outlive the trial, or work where it is not measured",
    "tests": "what judges the program should not change with it",
    "patch": "changing the code that measures changes the measurement, not the program",
    "answers": "answers that are written down are right for the cases that are scored, and no others",
    "trial": "a program that knows which trial it is in can behave for the occasion",
    "reading": "code that is put together as it runs cannot be judged by reading it",
    "ending": "a program that ends before its work is done may still be scored",
}
"""Why a topic matters, in one sentence for a person."""

TOPICS: tuple[str, ...] = tuple(WHY)
"""In the order in which they are looked for."""


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the use of a name says."""

    topic: str
    gravity: Gravity
    what: str
    """Completes a sentence that begins with the program: `reads the clock`."""


def _all(topic: str, gravity: Gravity, what: str, names: str) -> dict[str, Meaning]:
    return dict.fromkeys(names.split(), Meaning(topic, gravity, what))


NAMES: Mapping[str, Meaning] = {
    **_all(
        "timing",
        "note",
        "reads the clock",
        "time.time time.time_ns time.perf_counter time.perf_counter_ns time.monotonic "
        "time.monotonic_ns time.process_time time.process_time_ns time.thread_time "
        "time.clock_gettime timeit datetime.datetime.now datetime.datetime.utcnow "
        "datetime.datetime.today resource.getrusage os.times torch.cuda.Event",
    ),
    **_all("timing", "look", "waits", "time.sleep asyncio.sleep threading.Event.wait sched"),
    **_all(
        "timing",
        "look",
        "sets a timer",
        "threading.Timer signal.alarm signal.setitimer signal.SIGALRM",
    ),
    **_all(
        "cache",
        "note",
        "keeps results of earlier calls",
        "functools.lru_cache functools.cache functools.cached_property joblib.Memory cachetools",
    ),
    **_all(
        "cache",
        "look",
        "keeps objects in files",
        "pickle cPickle dill cloudpickle shelve dbm sqlite3 joblib.dump joblib.load diskcache "
        "marshal.load marshal.dump numpy.memmap",
    ),
    **_all(
        "files",
        "note",
        "writes a file",
        "numpy.save numpy.savez numpy.savez_compressed numpy.savetxt torch.save json.dump "
        "pathlib.Path.write_text pathlib.Path.write_bytes",
    ),
    **_all(
        "files",
        "look",
        "changes, removes or searches files",
        "shutil os.remove os.unlink os.rename os.replace os.rmdir os.removedirs os.truncate "
        "os.chmod os.chown os.link os.symlink os.mkfifo os.walk os.scandir os.listdir glob.glob "
        "glob.iglob os.chdir mmap",
    ),
    **_all("files", "look", "keeps files for itself", "tempfile"),
    **_all(
        "environment",
        "look",
        "reads or changes the environment",
        "os.environ os.environb os.getenv os.putenv os.unsetenv",
    ),
    **_all(
        "environment",
        "look",
        "asks where it runs",
        "platform socket.gethostname os.uname getpass os.getlogin os.getuid",
    ),
    **_all(
        "network",
        "serious",
        "uses the network",
        "socket urllib.request urllib3 http.client http.server requests httpx aiohttp ftplib smtplib "
        "poplib imaplib telnetlib xmlrpc paramiko websockets websocket grpc asyncio.open_connection "
        "boto3 huggingface_hub wandb",
    ),
    **_all(
        "processes",
        "note",
        "works in several threads or processes",
        "multiprocessing concurrent.futures threading.Thread torch.multiprocessing joblib.Parallel",
    ),
    **_all(
        "processes",
        "look",
        "starts other programs",
        "subprocess os.system os.popen os.execv os.execve os.execvp os.execl os.execlp os.spawnl "
        "os.spawnv os.posix_spawn asyncio.create_subprocess_exec asyncio.create_subprocess_shell pexpect "
        "sh",
    ),
    **_all(
        "processes",
        "serious",
        "can outlive or end other processes",
        "os.fork os.forkpty os.setsid os.setpgid os.setpgrp os.kill os.killpg daemon psutil pty "
        "signal.pthread_kill",
    ),
    **_all(
        "tests",
        "serious",
        "takes tests out",
        "pytest.mark.skip pytest.mark.skipif pytest.mark.xfail pytest.skip unittest.skip "
        "unittest.skipIf unittest.SkipTest pytest.importorskip",
    ),
    **_all(
        "patch",
        "serious",
        "reaches into other code as it runs",
        "sys.modules sys.meta_path sys.path_hooks sys.path_importer_cache sys.settrace sys.setprofile "
        "sys._getframe sys._current_frames sys.excepthook sys.displayhook sys.addaudithook "
        "inspect.stack inspect.currentframe inspect.getouterframes inspect.getmembers inspect.trace "
        "gc.get_objects gc.get_referrers gc.get_referents importlib.reload unittest.mock mock "
        "threading.settrace threading.setprofile __builtins__ __import__ forbiddenfruit wrapt "
        "atexit weakref.finalize types.FunctionType types.CodeType sitecustomize usercustomize",
    ),
    **_all(
        "patch",
        "look",
        "reaches into the interpreter",
        "ctypes cffi builtins importlib importlib.import_module importlib.util runpy pkgutil imp "
        "sys.path site inspect gc ast dis traceback.walk_stack signal.signal",
    ),
    **_all(
        "patch",
        "note",
        "tunes the interpreter",
        "gc.disable gc.enable gc.freeze gc.collect "
        "gc.set_threshold gc.isenabled inspect.signature inspect.isclass inspect.isfunction "
        "inspect.getdoc sys.setrecursionlimit sys.setswitchinterval",
    ),
    **_all(
        "reading",
        "look",
        "makes code as it runs",
        "eval exec compile marshal.loads types.ModuleType codecs.decode",
    ),
    **_all("answers", "note", "takes digests", "hashlib zlib.crc32 zlib.adler32 xxhash blake3"),
    **_all(
        "answers",
        "look",
        "unpacks data",
        "zlib.decompress bz2.decompress lzma.decompress gzip.decompress base64.b64decode "
        "base64.b85decode base64.a85decode binascii.unhexlify bytes.fromhex",
    ),
    **_all("ending", "serious", "ends without cleaning up", "os._exit os.abort"),
    **_all("ending", "note", "ends early", "sys.exit exit quit SystemExit"),
}
"""By full dotted name. The longest name that begins a use decides."""

HARMLESS = word_set(
    "urllib.parse http.HTTPStatus socket.timeout inspect.Signature platform.system os.path "
    "multiprocessing.cpu_count os.cpu_count"
)
"""Names below a telling one that say nothing."""

LIBRARY_SETTINGS = re.compile(
    r"""(?:torch\.(?:backends|set_|_dynamo\.config|_inductor\.config)|matplotlib\.rcParams|
    matplotlib\.pyplot\.rcParams|pandas\.(?:options|set_option)|jax\.config|tensorflow\.config|
    decimal\.|numba\.config|cv2\.|PIL\.|sympy\.|warnings\.|logging\.|argparse\.)""",
    re.VERBOSE,
)
"""Attributes of modules that are there to be set."""

OWN_VARIABLES = re.compile(r"MOVE37_[A-Z_]+")
THREAD_VARIABLES = re.compile(
    r"(?:\w+_NUM_THREADS|OMP_\w+|MKL_\w+|KMP_\w+|GOMP_\w+|CUDA_\w+|CUBLAS_\w+|PYTORCH_\w+|TORCH_\w+|"
    r"TOKENIZERS_\w+|TF_\w+|XLA_\w+|JAX_\w+|NUMBA_\w+|MALLOC_\w+|PYTHON\w+)"
)
"""Environment variables that say how fast a library works, and nothing else."""

SEED_NAME = re.compile(
    r"(?:^|_)(?:seeds?|random_state|rng_seed|seed_base)(?:_|$)|seed$", re.IGNORECASE
)
SEED_CALLS = word_set(
    "seed manual_seed manual_seed_all default_rng RandomState set_seed PRNGKey "
    "set_random_seed srand SeedSequence seed_everything Generator PCG64 MT19937 Philox Random"
)
"""Last parts of the names of what makes or seeds a generator."""

TEST_LIKE = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|fixtures|golden|goldens|snapshots|__snapshots__|testdata|"
    r"test_data|expected)(?:/|$)|(?:^|/)(?:test_[^/]*|[^/]*_test\.\w+|[^/]*\.(?:test|spec)\.\w+|"
    r"conftest\.py|pytest\.ini|tox\.ini|noxfile\.py|\.coveragerc|[^/]*\.cfg|[^/]*\.golden|"
    r"[^/]*\.snap)$"
)
"""Files that judge, rather than are judged."""

TELLING_PATH = re.compile(
    r"^(?:file://)?(?:/(?:proc|sys|dev|etc|home|root|tmp|var|usr|mnt|opt|data|srv|run|Users)(?:/|$)|"
    r"~|\.\.(?:/|$))|(?:^|/)\.move37(?:/|$)|/\.\./"
)
GRAVE_PATH = re.compile(
    r"^/(?:proc|sys|etc|home|root|var|run)(?:/|$)|(?:^|/)\.move37(?:/|$)|/\.ssh"
)
PLAIN_PATH = re.compile(r"^/dev/(?:null|stdin|stdout|stderr)$")
RESULT_FILE = re.compile(r"(?:^|/)units\.json$")

JUDGING_DATA = re.compile(
    r"(?:[\w./-]*[/_.-])?(?:val|valid|validation|test|holdout|hold_out|heldout)(?:[/_.-][\w./-]*)?"
)
"""How the data that judge a program are called, in texts and names."""
A_MEASURE = re.compile(
    r"loss|acc|score|metric|error|bpb|ppl|bpc|auc|f1|size|ratio|split|step|every"
)
"""Parts of names that say it is a number about such data, and not the data."""

HIDDEN_CHARACTERS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""They change how code looks, or nothing that one sees (N. Boucher and R. Anderson, "Trojan Source")."""
TO_THE_JUDGE = re.compile(
    r"(?:ignore|disregard|forget) (?:all |any |the )*(?:previous|prior|above|earlier) (?:instructions|rules)|"
    r"(?:dear|note to(?: the)?|attention,?) (?:judge|grader|reviewer|evaluator)|"
    r"give (?:it|this|me) (?:the|a) (?:highest|best|full|perfect) (?:score|grade|mark)",
    re.IGNORECASE,
)
READERS = word_set(
    "open Path load loadtxt genfromtxt fromfile memmap read_csv read_parquet read_json "
    "read_pickle imread listdir scandir glob cdll CDLL"
)
"""Last parts of the names of what opens the file that it is given."""

MUTATORS = word_set(
    "clear append extend update pop popitem insert setdefault remove add discard __setitem__ "
    "__setattr__"
)
"""Methods that change what holds them."""

MODULE_HOOKS = frozenset(("sitecustomize", "usercustomize"))


# --- other languages -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pattern:
    """A meaning that a line of any language may have."""

    regex: re.Pattern[str]
    meaning: Meaning


def _pattern(topic: str, gravity: Gravity, what: str, regex: str) -> Pattern:
    return Pattern(re.compile(regex), Meaning(topic, gravity, what))


PATTERNS: tuple[Pattern, ...] = (
    _pattern(
        "timing",
        "note",
        "reads the clock",
        r"\b(?:clock_gettime|gettimeofday|std::chrono|Date\.now|performance\.now|process\.hrtime|"
        r"Instant::now|SystemTime::now|System\.nanoTime|System\.currentTimeMillis|time\.Now|"
        r"__?rdtsc|QueryPerformanceCounter)\b|\bclock\s*\(\s*\)",
    ),
    _pattern(
        "timing",
        "look",
        "waits",
        r"\b(?:u?sleep|nanosleep|Sleep|sleep_for|Thread\.sleep|thread::sleep|Atomics\.wait)\s*\(|"
        r"\btime\.Sleep\b|^\s*sleep\s+\d",
    ),
    _pattern(
        "environment",
        "look",
        "reads or changes the environment",
        r"\b(?:getenv|secure_getenv|setenv|putenv)\s*\(|\bprocess\.env\b|\bstd::env\b|\benv::var\b|"
        r"\bos\.Getenv\b|\bSystem\.getenv\b|\benviron\b",
    ),
    _pattern(
        "network",
        "serious",
        "uses the network",
        r"\b(?:curl|wget|XMLHttpRequest|TcpStream|UdpSocket|net\.Dial|http\.Get|reqwest|"
        r"java\.net|getaddrinfo|WebSocket)\b|\bsocket\s*\(|\bfetch\s*\(\s*['\"`]http|"
        r"require\(\s*['\"](?:node:)?(?:net|http|https|dgram|tls)['\"]|sys/socket\.h",
    ),
    _pattern(
        "processes",
        "look",
        "starts other programs",
        r"\b(?:system|popen|execv[pe]*|execl[pe]*|posix_spawn)\s*\(|\bchild_process\b|"
        r"\bCommand::new\b|\bexec\.Command\b|\bgetRuntime\(\)|\bProcessBuilder\b",
    ),
    _pattern(
        "processes",
        "serious",
        "can outlive or end other processes",
        r"\b(?:v?fork|setsid|daemon|kill|killpg)\s*\(|\bnohup\b|\bdisown\b",
    ),
    _pattern(
        "patch",
        "serious",
        "reaches into other code as it runs",
        r"\bLD_PRELOAD\b|\b(?:dlopen|dlsym|mprotect|ptrace|atexit|on_exit)\s*\(|"
        r"__attribute__\s*\(\(\s*(?:constructor|destructor)|"
        r"\b(?:process\.on\(\s*['\"](?:exit|beforeExit)|require\.cache|Module\._load)|"
        r"\b(?:Math|Date|JSON|Number|Array|Object|String|Function|Promise|console|process|performance|"
        r"globalThis)(?:\.prototype)?\.\w+\s*=(?!=)|\bDate\s*=(?!=)|__proto__|"
        r"Object\.defineProperty\s*\(\s*(?:Math|Date|JSON|Object|globalThis|console|process)\b",
    ),
    _pattern(
        "patch",
        "serious",
        "takes the place of a function of the system",
        r"^\s*#\s*define\s+(?:clock|time|gettimeofday|clock_gettime|s?rand|printf|puts|main|memcmp|strcmp|"
        r"assert|exit|abort|malloc|free)\b|"
        r"^\s*(?:static\s+|extern\s+)*(?:int|long|void|double|size_t|time_t|clock_t)\s+(?:clock|time|s?rand|"
        r"gettimeofday|clock_gettime|printf|puts|memcmp|strcmp|exit)\s*\([^;]*$",
    ),
    _pattern("tests", "serious", "switches assertions off", r"^\s*#\s*define\s+NDEBUG\b"),
    _pattern(
        "reading",
        "look",
        "makes code as it runs",
        r"\beval\s*\(|\bnew\s+Function\s*\(|\bvm\.runIn",
    ),
    _pattern("ending", "serious", "ends without cleaning up", r"\b_exit\s*\(|\bquick_exit\s*\("),
    _pattern(
        "files",
        "look",
        "changes or removes files",
        r"\b(?:unlink|rename|chmod|symlink|remove|truncate)(?:Sync)?\s*\(\s*['\"]|\bfs\.(?:write|append|rm|"
        r"unlink|rename|cp)\w*\s*\(|\bfs::(?:write|remove|rename)|\bos\.(?:WriteFile|Remove|Rename)\b|"
        r"\bfopen\s*\([^,]*,\s*\"[wa]",
    ),
    _pattern(
        "cache",
        "look",
        "keeps objects in files",
        r"\bsqlite3_open|\blevelDB\b|\blocalStorage\b",
    ),
)
