package masks

import "buildrelay/relay/mask"

// Place is where events were masked.
type Place string

// The places.
const (
	Publish  Place = "publish"
	Delivery Place = "delivery"
	History  Place = "history"
)

// Hits is what was masked on a channel, at a place, since the last time that it was told.
type Hits struct {
	App, Channel string
	Place        Place
	Count        map[mask.Kind]int64 // how many stars, by what was found
	Notice       bool                // the channel's rule has its readers told
}
