"""Which keys of a JSON answer its caller reads, by the names in the caller's source.

Nothing is put in the place of the data: an application may ask its type, dump, pickle, match or
validate it, and gets what the library parsed. A key that is read is named somewhere: as a text, an
attribute, an argument, a field of a class, or in a template. So only keys that the source behind a
call names are tried, however the body is parsed; of an object without any such key, which its
reader may iterate over, all of them, up to a limit.
"""
