package masks

import "container/list"

// recent has values of a size in bytes, and lets go of those that were not used for the longest
// time when all are larger than it may be. The newest stays. It is not safe for concurrent use.
type recent[K comparable, V any] struct {
	most, size int
	by         map[K]*list.Element
	order      list.List // of item, the last used first
}

type item[K comparable, V any] struct {
	key   K
	value V
	size  int
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, by: make(map[K]*list.Element)}
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	e, ok := r.by[key]
	if !ok {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(item[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V, size int) {
	r.drop(key)
	r.by[key] = r.order.PushFront(item[K, V]{key, value, size})
	r.size += size
	for r.size > r.most && r.order.Len() > 1 {
		r.drop(r.order.Back().Value.(item[K, V]).key)
	}
}

func (r *recent[K, V]) drop(key K) {
	if e, ok := r.by[key]; ok {
		r.size -= r.order.Remove(e).(item[K, V]).size
		delete(r.by, key)
	}
}
