"""A client can be made."""

import openai


def test_a_client_is_made():
    assert openai.OpenAI(api_key="none").base_url.host


def test_a_closed_client_says_so():
    assert issubclass(openai.APIConnectionError, openai.OpenAIError)
