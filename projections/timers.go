package projections

import (
	"container/heap"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/projections/store"
)

// timers are one view's, all in memory.
type timers struct {
	due   map[string]time.Time
	queue timerQueue          // may hold timers that were moved or cancelled
	later []timer             // for the next round
	dirty map[string]struct{} // keys that changed in this batch
}

type timer struct {
	due time.Time
	key string
}

type timerQueue []timer

func (q timerQueue) Len() int { return len(q) }
func (q timerQueue) Less(i, j int) bool {
	if c := q[i].due.Compare(q[j].due); c != 0 {
		return c < 0
	}
	return strings.Compare(q[i].key, q[j].key) < 0
}
func (q timerQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *timerQueue) Push(x any)   { *q = append(*q, x.(timer)) }
func (q *timerQueue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	*q = (*q)[:last]
	return t
}

func newTimers() *timers {
	return &timers{due: map[string]time.Time{}, dirty: map[string]struct{}{}}
}

// set sets a timer. While one fires, only a later one may fire in the same round:
// otherwise two could set each other for ever.
func (t *timers) set(key string, due time.Time, firing *timer) {
	if old, ok := t.due[key]; ok && old.Equal(due) {
		return
	}
	t.due[key] = due
	t.dirty[key] = struct{}{}
	if firing != nil && !due.After(firing.due) {
		t.later = append(t.later, timer{due, key})
		return
	}
	t.push(timer{due, key})
}

// endRound queues what was set to fire with the next leaf.
func (t *timers) endRound() {
	for _, x := range t.later {
		t.push(x)
	}
	t.later = t.later[:0]
}

// push queues a timer, and sweeps the queue once most of it is of the past.
func (t *timers) push(x timer) {
	heap.Push(&t.queue, x)
	if len(t.queue) < 64 || len(t.queue) < 2*len(t.due) {
		return
	}
	t.queue = t.queue[:0]
	for key, due := range t.due {
		t.queue = append(t.queue, timer{due, key})
	}
	heap.Init(&t.queue)
}

func (t *timers) cancel(key string) {
	if _, ok := t.due[key]; ok {
		delete(t.due, key)
		t.dirty[key] = struct{}{}
	}
}

// next takes the first timer that is due by now.
func (t *timers) next(now time.Time) (timer, bool) {
	for len(t.queue) > 0 && !t.queue[0].due.After(now) {
		first := heap.Pop(&t.queue).(timer)
		if due, ok := t.due[first.key]; ok && due.Equal(first.due) {
			t.cancel(first.key)
			return first, true
		}
	}
	return timer{}, false
}

// first returns when the first timer falls due, zero if there is none.
func (t *timers) first() time.Time {
	for len(t.queue) > 0 {
		if due, ok := t.due[t.queue[0].key]; ok && due.Equal(t.queue[0].due) {
			return due
		}
		heap.Pop(&t.queue)
	}
	return time.Time{}
}

// write appends what a commit must write.
func (t *timers) write(to []store.Timer, view string) []store.Timer {
	for key := range t.dirty {
		to = append(to, store.Timer{View: view, Key: key, Due: t.due[key]})
	}
	return to
}
