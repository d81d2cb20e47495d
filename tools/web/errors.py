"""What can go wrong between us and a provider of search results.

```
ProviderError            the provider gave no answer; the text is one line, without a secret
└── UnreadableError      it answered, and the answer cannot be read
```

These never reach a model by themselves: they are reported beside the results of the others.
"""


class ProviderError(Exception):
    """A provider gave no answer; the text says why, in a few words behind its name."""


class UnreadableError(ProviderError):
    """What a provider answered is not what it is known to answer."""
