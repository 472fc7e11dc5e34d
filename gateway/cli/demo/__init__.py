"""`accord demo`: a throw-away county, seven exchanges, and the proof of what left and what did not."""
