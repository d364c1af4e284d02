package lru

// What Transitions counts of a Cache. All but the first stand on long paths.
const (
	ringMoved    = iota // a hit made its link the newest
	linkMade            // a result got a new link
	linkReused          // or that of the one that it evicted
	linkRefused         // there was no memory for one
	metMeanwhile        // while a result was computed its key was stored, or its comparison failed
	evictMet            // the oldest was not evicted: a comparison failed, or did so itself, or is about to
	overfull            // comparisons filled the room up, and another was evicted
	transitions
)

var transitionNames = [transitions]string{
	ringMoved: "ring/moved", linkMade: "link/made", linkReused: "link/reused", linkRefused: "link/refused",
	metMeanwhile: "store/met", evictMet: "evict/met", overfull: "store/overfull",
}

// Transitions tells how often each happened since the cache was made, always in the same order.
func (c *Cache) Transitions(visit func(name string, times uint64)) {
	for i, name := range transitionNames {
		visit(name, c.took[i])
	}
}

// What Transitions counts of an Ordered.
const (
	orderNew     = iota // an entry was stored behind all others
	orderMoved          // one was taken out and stored again
	orderEvicted        // the first was evicted
	orderShrinks        // so it was as the capacity became less
	orderTransitions
)

var orderNames = [orderTransitions]string{
	orderNew: "order/new", orderMoved: "order/moved", orderEvicted: "order/evicted", orderShrinks: "order/shrinks",
}

// Transitions tells how often each happened since the cache was made, always in the same order.
func (o *Ordered) Transitions(visit func(name string, times uint64)) {
	for i, name := range orderNames {
		visit(name, o.took[i])
	}
}
