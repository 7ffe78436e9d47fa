package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"time"
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

// processorTime returns what processor time the process has had, 0 where it can't
// be told. It varies less than a rate does with what else the machine has to do.
func processorTime() time.Duration {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	// The second field is a name in brackets; utime and stime are fields 14 and
	// 15, in hundredths of a second (proc(5)).
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	var user, system int64
	if n, _ := fmt.Sscan(string(fields[11])+" "+string(fields[12]), &user, &system); n != 2 {
		return 0
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
