package evidence

import "slices"

// mostBounds is for how many of the leaves that are asked for what bounds them most
// closely is looked for, where each is bounded by something else. The others are bounded
// by that of their neighbours.
const mostBounds = 128

// apart returns those of the leaves, which ascend, that have to be looked at for all to be
// bounded as closely as they can be; the last is always among them. upTo returns, for a
// leaf, the first index that something else bounds, or 0 if that is not known. Beyond most
// leaves, it is as many of them, evenly.
func apart(leaves []uint64, most int, upTo func(leaf uint64) (uint64, error)) ([]uint64, error) {
	var some []uint64
	for i := 0; i < len(leaves); {
		if len(some) == most {
			return sample(leaves, most), nil
		}
		some = append(some, leaves[i])
		next, err := upTo(leaves[i])
		if err != nil {
			return nil, err
		}
		if next == 0 {
			break
		}
		after, _ := slices.BinarySearch(leaves, next)
		i = max(i+1, after)
	}
	if last := leaves[len(leaves)-1]; some[len(some)-1] != last {
		some = append(some, last)
	}
	return some, nil
}

// sample returns at most n of an ascending list, evenly, the first and the last always.
func sample(list []uint64, n int) []uint64 {
	if len(list) <= n {
		return list
	}
	some := make([]uint64, n)
	for i := range some {
		some[i] = list[i*(len(list)-1)/(n-1)]
	}
	return some
}

// remember returns a function that asks look once for each leaf.
func remember[T any](look func(leaf uint64) (T, error)) func(leaf uint64) (T, error) {
	known := map[uint64]T{}
	return func(leaf uint64) (T, error) {
		if found, ok := known[leaf]; ok {
			return found, nil
		}
		found, err := look(leaf)
		if err == nil {
			known[leaf] = found
		}
		return found, err
	}
}

// smallest returns the smallest size in a list, 0 if it is empty.
func smallest[T any](list []T, sizeOf func(T) uint64) uint64 {
	var size uint64
	for _, item := range list {
		if s := sizeOf(item); size == 0 || s < size {
			size = s
		}
	}
	return size
}
