"""Threads that sleep until their second and do nothing: how well a computer can keep time.

`python -m benchmarks.timers` reads due times (unix seconds) from standard input, one a line, and prints for each how
many milliseconds later its thread woke up.
"""

import sys
import threading
import time


def main() -> None:
    threading.stack_size(512 * 1024)
    due = [float(line) for line in sys.stdin]
    late_ms = [0.0] * len(due)

    def sleep_until(number: int) -> None:
        while (left_s := due[number] - time.time()) > 0:
            time.sleep(left_s)
        late_ms[number] = (time.time() - due[number]) * 1000

    threads = [threading.Thread(target=sleep_until, args=(number,)) for number in range(len(due))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("\n".join(f"{late:.3f}" for late in late_ms))


if __name__ == "__main__":
    main()
