package hammer

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
)

// resetPeak forgets the process's peak memory so far, and reports whether the
// system can: Linux does (proc(5), /proc/pid/clear_refs).
func resetPeak() bool {
	debug.FreeOSMemory()
	return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) == nil && peakMemory() > 0
}

// peakMemory returns the peak resident set size in bytes, 0 where it can't be told.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		var kilobytes int64
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	return 0
}
