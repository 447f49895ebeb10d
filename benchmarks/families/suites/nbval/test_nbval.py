"""The plug-in is loaded."""

import nbval.plugin


def test_the_plugin_is_loaded(request):
    assert request.config.pluginmanager.has_plugin("nbval")
    assert nbval.plugin
