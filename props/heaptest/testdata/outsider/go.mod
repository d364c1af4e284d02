module example.org/outsider

go 1.26

require heapfuzz v0.0.0

replace heapfuzz => ../../../..
