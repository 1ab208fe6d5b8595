"""What helps to write configs: from a spec and a few words to a plugin's YAML. Pure.

words       texts → words, stemmed; foreign texts → one clean line
catalogue   a spec's operations with what they can be searched by
search      the operations that fit some words best, in order
needs       what a config has to say that the spec does not: the server, the credential
draft       chosen operations → a commented YAML
likeness    descriptions that a model could mistake for each other
"""
