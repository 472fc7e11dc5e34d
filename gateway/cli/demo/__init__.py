"""`accord demo`: a throw-away county, seven exchanges, and the proof of what left."""
