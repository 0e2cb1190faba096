/* The loop macros of libraries whose headers cppcheck does not see, in a shape that it can follow. */
#ifndef STRATA_INFRA_CPPCHECK_H
#define STRATA_INFRA_CPPCHECK_H

#define json_array_foreach(array, index, value) \
	for ((index) = 0; (index) < json_array_size(array) && ((value) = json_array_get(array, index)); (index)++)
#define json_object_foreach(object, key, value) for ((key) = any(), (value) = any(); key; (key) = any(), (value) = any())
#define HASH_ITER(hh, head, item, next) for ((item) = (head), (next) = any(); item; (item) = (next), (next) = any())

#endif
